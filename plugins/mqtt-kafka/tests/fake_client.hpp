// The mqtt binding's end of one session's stream, and what it was told.
#pragma once

#include "tests/fake_kafka.hpp"

#include <weft/stream.hpp>
#include <weft/worker.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::mqtt_kafka::test {

struct received_publish {
    std::string topic, payload;
    uint8_t qos = 0;
    bool retain = false, dup = false;
    uint16_t packet_id = 0;
    std::vector<uint32_t> ids;
    std::optional<uint32_t> expiry;
    std::string response_topic, content_type, correlation;
    header_list properties;
    uint32_t pieces = 1;
};
struct received_ack {
    uint16_t packet_id;
    uint8_t reason;
    std::string text;
    uint8_t type = 4;
};
struct received_suback {
    uint16_t packet_id;
    uint8_t type;
    std::vector<uint8_t> reasons;
    std::string text;
};
struct publish_options {
    uint8_t qos = 1;
    bool retain = false;
    bool dup = false;
    std::optional<uint32_t> expiry = std::nullopt;
    std::string response_topic = {};
    header_list properties = {};
};
struct filter_options {
    std::string filter;
    uint8_t qos = 1;
    uint8_t flags = 0;
    uint8_t retain_handling = 2;
};

struct will_options {
    std::string topic, payload;
    uint8_t qos = 1;
    bool retain = false;
    uint32_t delay_s = 0;
    header_list properties = {};
};

class fake_client : public endpoint {
public:
    // What the session says, in order of arrival.
    std::optional<weft_mqtt_begin> accepted;
    std::vector<received_publish> publishes;
    std::vector<received_ack> acks;
    std::vector<received_suback> subacks;
    std::vector<std::string> order;  // "suback", "publish"
    std::optional<uint8_t> reset_reason, abort_reason;
    std::string reset_text;
    bool closed = false;

    uint32_t window = 1 << 20;  // granted and kept up while `takes`
    bool takes = true;
    bool acknowledges = true;  // deliveries of QoS 1 and 2
    uint32_t session_expiry = 0;
    uint8_t version = WEFT_MQTT_V5;
    std::optional<will_options> will;

    void connect(worker w, uint64_t exit, const std::string& client_id,
                 uint16_t receive_max = 65535, uint8_t flags = WEFT_MQTT_CLEAN_START) {
        meta_writer<weft_mqtt_begin> m;
        m->version = version;
        m->flags = static_cast<uint8_t>(flags | (will ? WEFT_MQTT_WILL : 0));
        m->session_expiry_s = session_expiry;
        m->receive_max = receive_max;
        m->client_id = m.text(client_id);
        worker_ = w;
        stream_ = w.open(exit, *this, m.get());
        if (takes) stream_.window(window);
        if (will) send_will();
    }
    uint32_t credit() const { return stream_.credit(); }

    void publish(const std::string& topic, const std::string& payload, uint16_t id = 0,
                 const publish_options& o = {}) {
        send(topic, payload, static_cast<uint32_t>(payload.size()), id, o);
    }
    // Only the first `first` bytes go with the first frame, the rest with publish_rest.
    void publish_first(const std::string& topic, const std::string& payload, uint32_t first,
                       uint16_t id = 0, const publish_options& o = {}) {
        send(topic, payload, first, id, o);
    }
    void publish_rest(const std::string& rest, bool last) { send_data(rest, nullptr, last); }

    void subscribe(uint16_t packet_id, const std::vector<filter_options>& filters,
                   uint32_t id = 0) {
        meta_writer<weft_mqtt_subscribe> m;
        m->packet_id = packet_id;
        m->subscription_id = id;
        const weft_ref list = m.list<weft_mqtt_filter>(filters.size());
        for (size_t i = 0; i < filters.size(); ++i) {
            const weft_ref pattern = m.text(filters[i].filter);
            m.item<weft_mqtt_filter>(list, i) = {
                pattern, filters[i].qos, filters[i].flags, filters[i].retain_handling, 0, 0};
        }
        m->filters = list;
        stream_.flush(m.get());
    }
    void unsubscribe(uint16_t packet_id, const std::vector<std::string>& filters) {
        meta_writer<weft_mqtt_unsubscribe> m;
        m->packet_id = packet_id;
        const weft_ref list = m.list<weft_ref>(filters.size());
        for (size_t i = 0; i < filters.size(); ++i) {
            const weft_ref pattern = m.text(filters[i]);
            m.item<weft_ref>(list, i) = pattern;
        }
        m->patterns = list;
        stream_.flush(m.get());
    }
    void ack(uint8_t type, uint16_t packet_id) {
        meta_writer<weft_mqtt_ack> m;
        m->type = type;
        m->packet_id = packet_id;
        stream_.flush(m.get());
    }
    void puback(uint16_t packet_id) { ack(4, packet_id); }
    void disconnect(uint8_t reason, uint32_t expiry_s) {
        meta_writer<weft_mqtt_reset> m;
        m->reason = reason;
        m->session_expiry_s = expiry_s;
        stream_.end(m.get());
    }
    // Of an acknowledgement type, the packet ids.
    std::vector<uint16_t> acked(uint8_t type) const {
        std::vector<uint16_t> out;
        for (const auto& a : acks)
            if (a.type == type) out.push_back(a.packet_id);
        return out;
    }
    // Takes deliveries again.
    void take() {
        takes = true;
        stream_.window(window);
    }
    // Grants `bytes` from here on and no more.
    void grant(uint32_t bytes) {
        takes = false;
        stream_.window(bytes);
    }
    void end() { stream_.end(); }
    void abort() { stream_.abort(); }

    void on_begin(stream, const weft_begin& b) override {
        const meta_view<weft_mqtt_begin> m(b.h.meta);
        if (m) accepted = *m;
    }
    void on_data(stream s, const weft_data& d) override {
        if (d.h.flags & WEFT_INIT)
            begin_publish(d);
        else
            ++publishes.back().pieces;
        for (const auto& x : slices(d)) publishes.back().payload += text_of(x);
        if (takes) s.window(window);
        if ((d.h.flags & WEFT_FIN) && acknowledges && publishes.back().qos)
            ack(publishes.back().qos == 2 ? 5 : 4, publishes.back().packet_id);
    }
    void on_flush(stream, const weft_flush& f) override {
        const meta_view<weft_mqtt_ack> a(f.h.meta);
        if (a)
            acks.push_back(
                {a->packet_id, a->reason, std::string(a.text(a->reason_string)), a->type});
        if (a && a->type == 6 && acknowledges) ack(7, a->packet_id);
        const meta_view<weft_mqtt_suback> s(f.h.meta);
        if (!s) return;
        order.emplace_back("suback");
        const auto codes = s.text(s->reasons);
        subacks.push_back({s->packet_id,
                           s->type,
                           {codes.begin(), codes.end()},
                           std::string(s.text(s->reason_string))});
    }
    void on_reset(stream s, const weft_frame& f) override {
        const meta_view<weft_mqtt_reset> m(f.meta);
        if (m) {
            reset_reason = m->reason;
            reset_text = m.text(m->reason_string);
        }
        s.abort();
    }
    void on_abort(stream s, const weft_frame& f) override {
        const meta_view<weft_mqtt_reset> m(f.meta);
        if (m) abort_reason = m->reason;
        s.reset();
    }
    void on_end(stream s, const weft_frame&) override { s.end(); }
    void on_closed(stream) override { closed = true; }

private:
    // A buffer of its own, as what a socket brings.
    void send_data(std::string_view bytes, const weft_meta* meta, bool last) {
        const auto flags = static_cast<uint16_t>((meta ? WEFT_INIT : 0) | (last ? WEFT_FIN : 0));
        if (bytes.empty()) return stream_.data(std::span<const weft_slice>{}, meta, flags);
        uint8_t* to = nullptr;
        chunk c = worker_.alloc(static_cast<uint32_t>(bytes.size()), to);
        std::memcpy(to, bytes.data(), bytes.size());
        c.truncate(static_cast<uint32_t>(bytes.size()));
        stream_.data(c.slice(), meta, flags);
    }

    void send(const std::string& topic, const std::string& payload, uint32_t first, uint16_t id,
              const publish_options& o) {
        meta_writer<weft_mqtt_publish> m;
        m->topic = m.text(topic);
        m->qos = o.qos;
        m->packet_id = o.qos ? id : uint16_t{0};
        m->format = WEFT_MQTT_FORMAT_NONE;
        m->flags =
            static_cast<uint8_t>((o.retain ? WEFT_MQTT_RETAIN : 0) | (o.dup ? WEFT_MQTT_DUP : 0) |
                                 (o.expiry ? WEFT_MQTT_HAS_EXPIRY : 0));
        m->expiry_s = o.expiry.value_or(0);
        m->deferred = static_cast<uint32_t>(payload.size()) - first;
        if (!o.response_topic.empty()) m->response_topic = m.text(o.response_topic);
        const weft_ref list = m.list<weft_pair>(o.properties.size());
        for (size_t i = 0; i < o.properties.size(); ++i) {
            const weft_ref name = m.text(o.properties[i].first),
                           value = m.text(o.properties[i].second);
            m.item<weft_pair>(list, i) = {name, value};
        }
        m->properties = list;
        const bool whole = first == payload.size();
        send_data(std::string_view(payload).substr(0, first), m.get(), whole);
    }
    void send_will() {
        meta_writer<weft_mqtt_will> m;
        m->qos = will->qos;
        m->flags = will->retain ? WEFT_MQTT_RETAIN : 0;
        m->format = WEFT_MQTT_FORMAT_NONE;
        m->delay_s = will->delay_s;
        m->topic = m.text(will->topic);
        const weft_ref list = m.list<weft_pair>(will->properties.size());
        for (size_t i = 0; i < will->properties.size(); ++i) {
            const weft_ref name = m.text(will->properties[i].first),
                           value = m.text(will->properties[i].second);
            m.item<weft_pair>(list, i) = {name, value};
        }
        m->properties = list;
        send_data(will->payload, m.get(), true);
    }
    void begin_publish(const weft_data& d) {
        const meta_view<weft_mqtt_publish> m(d.h.meta);
        order.emplace_back("publish");
        received_publish p;
        p.topic = m.text(m->topic);
        p.qos = m->qos;
        p.retain = m->flags & WEFT_MQTT_RETAIN;
        p.dup = m->flags & WEFT_MQTT_DUP;
        p.packet_id = m->packet_id;
        for (const uint32_t id : m.list<uint32_t>(m->subscription_ids)) p.ids.push_back(id);
        if (m->flags & WEFT_MQTT_HAS_EXPIRY) p.expiry = m->expiry_s;
        p.response_topic = m.text(m->response_topic);
        p.content_type = m.text(m->content_type);
        p.correlation = m.text(m->correlation);
        for (const auto& x : m.list<weft_pair>(m->properties))
            p.properties.emplace_back(m.text(x.name), m.text(x.value));
        publishes.push_back(std::move(p));
    }

    worker worker_;
    stream stream_;
};

}  // namespace weft::mqtt_kafka::test
