// A publish or a will as it came: its metadata block and its payload.
#pragma once

#include <weft/meta.hpp>

#include <string>
#include <vector>

namespace loopback {

class message {
public:
    message() = default;
    explicit message(const weft_meta* m) {
        const auto* words = reinterpret_cast<const uint64_t*>(m);
        block_.assign(words, words + m->size / 8);
    }

    bool is_will() const { return meta() && meta()->type == WEFT_META_MQTT_WILL; }
    const weft_mqtt_publish& fields() const {
        return *reinterpret_cast<const weft_mqtt_publish*>(block_.data());
    }
    weft_mqtt_publish& fields() { return *reinterpret_cast<weft_mqtt_publish*>(block_.data()); }
    std::string_view topic() const {
        return weft::meta_view<weft_mqtt_publish>(meta()).text(fields().topic);
    }
    const weft_meta* meta() const {
        return block_.empty() ? nullptr : reinterpret_cast<const weft_meta*>(block_.data());
    }
    uint32_t will_delay_s() const {
        return reinterpret_cast<const weft_mqtt_will*>(block_.data())->delay_s;
    }

    // The publish that this is when it is delivered, or that a will becomes.
    message as_publish(std::vector<uint32_t> subscription_ids = {}) const {
        weft::meta_writer<weft_mqtt_publish> m;
        if (is_will()) {
            const weft::meta_view<weft_mqtt_will> w(meta());
            copy(w, m);
        } else {
            const weft::meta_view<weft_mqtt_publish> p(meta());
            copy(p, m);
        }
        if (!subscription_ids.empty()) m->subscription_ids = m.list_of<uint32_t>(subscription_ids);
        message out(m.get());
        out.payload = payload;
        return out;
    }

    std::string payload;

private:
    template <class From>
    static void copy(const From& from, weft::meta_writer<weft_mqtt_publish>& m) {
        m->qos = from->qos;
        m->flags = from->flags;
        m->format = from->format;
        m->expiry_s = from->expiry_s;
        m->topic = m.text(from.text(from->topic));
        m->content_type = m.maybe_text(from.maybe_text(from->content_type));
        m->response_topic = m.maybe_text(from.maybe_text(from->response_topic));
        m->correlation = m.maybe_text(from.maybe_text(from->correlation));
        const auto users = from.template list<weft_pair>(from->properties);
        if (users.empty()) return;
        const weft_ref list = m.list<weft_pair>(users.size());
        for (size_t i = 0; i < users.size(); ++i) {
            const weft_ref name = m.text(from.text(users[i].name));
            const weft_ref value = m.text(from.text(users[i].value));
            m.item<weft_pair>(list, i) = {name, value};
        }
        m->properties = list;
    }

    std::vector<uint64_t> block_;
};

}  // namespace loopback
