// mqtt-loopback: a session provider for tests. Acknowledges every publish and delivers it to the
// sessions of its worker that subscribe to its topic; nothing is kept. `$fail/<code>/...` as topic
// or filter is refused with that reason; a client id `refuse-<code>` is not let in.
#include <weft/plugin.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr const char* schema =
    R"({"kinds": {"proxy": {"options": {"type": "object", "additionalProperties": false}, "exit": "forbidden"}}})";
constexpr uint32_t window_bytes = 64 * 1024;

bool filter_matches(std::string_view filter, std::string_view topic) {
    for (;;) {
        const size_t f = filter.find('/'), t = topic.find('/');
        const auto level = filter.substr(0, f);
        if (level == "#") return true;
        if (level != "+" && level != topic.substr(0, t)) return false;
        if (f == filter.npos || t == topic.npos)
            return f == t || (f != filter.npos && filter.substr(f + 1) == "#");
        filter.remove_prefix(f + 1);
        topic.remove_prefix(t + 1);
    }
}

// The code behind `prefix`, hexadecimal, or 0.
uint8_t asked_failure(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return 0;
    return static_cast<uint8_t>(
        std::strtoul(std::string(text.substr(prefix.size(), 2)).c_str(), nullptr, 16));
}

class session;
struct loopback final : weft::instance {
    explicit loopback(weft::worker w) : here(w) {}
    weft::endpoint* accept(weft::stream s, const weft_begin& b) override;

    weft::worker here;
    std::vector<session*> all;
};

class session final : public weft::endpoint {
public:
    session(loopback& l, weft::stream s, const weft::meta_view<weft_mqtt_begin>& b)
        : home_(l), stream_(s), receive_max_(b->receive_max) {
        home_.all.push_back(this);
        weft::meta_writer<weft_mqtt_begin> m;
        m->qos_max = 1;
        m->capabilities =
            WEFT_MQTT_CAP_RETAIN | WEFT_MQTT_CAP_WILDCARD | WEFT_MQTT_CAP_SUBSCRIPTION_IDS;
        stream_.begin(m.get());
        stream_.window(window_bytes);
    }
    ~session() override { std::erase(home_.all, this); }

    void on_data(weft::stream, const weft_data& d) override {
        if (d.h.flags & WEFT_INIT) {
            const auto* words = reinterpret_cast<const uint64_t*>(d.h.meta);
            meta_.assign(words, words + d.h.meta->size / 8);
            payload_.clear();
        }
        for (const auto& s : weft::slices(d)) payload_ += weft::text_of(s);
        stream_.window(window_bytes);
        if ((d.h.flags & WEFT_FIN) == 0) return;
        const weft::meta_view<weft_mqtt_publish> m(
            reinterpret_cast<const weft_meta*>(meta_.data()));
        const uint8_t refused = asked_failure(m.text(m->topic), "$fail/");
        if (m->qos != 0) {
            weft::meta_writer<weft_mqtt_ack> ack;
            ack->type = 4;
            ack->packet_id = m->packet_id;
            ack->reason = refused;
            stream_.flush(ack.get());
        }
        if (refused == 0)
            for (auto* s : home_.all) s->deliver(m, payload_);
    }

    void on_flush(weft::stream, const weft_flush& f) override {
        weft::meta_writer<weft_mqtt_suback> answer;
        std::vector<uint8_t> codes;
        if (const weft::meta_view<weft_mqtt_subscribe> m(f.h.meta); m) {
            answer->type = 9;
            answer->packet_id = m->packet_id;
            for (const auto& filter : m.list<weft_mqtt_filter>(m->filters)) {
                const auto pattern = m.text(filter.pattern);
                const uint8_t refused = asked_failure(pattern, "$fail/");
                codes.push_back(refused != 0 ? refused : std::min<uint8_t>(filter.qos, 1));
                if (refused == 0) filters_.push_back({std::string(pattern), codes.back()});
            }
        } else if (const weft::meta_view<weft_mqtt_unsubscribe> u(f.h.meta); u) {
            answer->type = 11;
            answer->packet_id = u->packet_id;
            for (const auto& ref : u.list<weft_ref>(u->patterns))
                codes.push_back(
                    std::erase_if(filters_, [&](const auto& x) { return x.pattern == u.text(ref); })
                        ? 0x00
                        : 0x11);
        } else if (const weft::meta_view<weft_mqtt_ack> a(f.h.meta); a) {
            if (inflight_ != 0) --inflight_;
            return pump();
        }
        answer->reasons = answer.bytes(codes.data(), codes.size());
        stream_.flush(answer.get());
    }

    void on_window(weft::stream, const weft_window&) override { pump(); }
    void on_end(weft::stream, const weft_frame&) override { over(); }
    void on_abort(weft::stream, const weft_frame&) override { over(); }
    void on_reset(weft::stream, const weft_frame&) override { over(); }
    void on_closed(weft::stream) override { delete this; }

private:
    struct subscription {
        std::string pattern;
        uint8_t qos;
    };
    struct delivery {
        std::string topic, payload;
        uint8_t qos;
    };

    void over() {
        filters_.clear();
        stream_.abort();
        stream_.reset();
    }

    void deliver(const weft::meta_view<weft_mqtt_publish>& m, const std::string& payload) {
        const auto topic = m.text(m->topic);
        for (const auto& f : filters_) {
            if (!filter_matches(f.pattern, topic)) continue;
            waiting_.push_back({std::string(topic), payload, std::min(f.qos, m->qos)});
            return pump();
        }
    }

    void pump() {
        while (!waiting_.empty()) {
            auto& d = waiting_.front();
            if (d.qos != 0 && inflight_ >= receive_max_) return;
            const uint32_t credit = stream_.credit(), padding = stream_.padding();
            const bool first = sent_ == 0;
            const auto left = static_cast<uint32_t>(d.payload.size() - sent_);
            if (credit < padding || (left != 0 && credit == padding)) return;
            const uint32_t n = std::min(left, credit - padding);
            weft::meta_writer<weft_mqtt_publish> m;
            m->qos = d.qos;
            m->packet_id = d.qos == 0 ? uint16_t{0} : next_id_;
            m->format = WEFT_MQTT_FORMAT_NONE;
            m->deferred = left - n;
            m->topic = m.text(d.topic);
            uint8_t* to = nullptr;
            weft::chunk c = home_.here.alloc(n + 1, to);
            std::copy_n(d.payload.data() + sent_, n, to);
            c.truncate(n);
            const auto flags =
                static_cast<uint16_t>((first ? WEFT_INIT : 0) | (n == left ? WEFT_FIN : 0));
            stream_.data(c.slice(), first ? m.get() : nullptr, flags);
            sent_ += n;
            if (n != left) continue;
            if (d.qos != 0)
                ++inflight_, next_id_ = next_id_ == 65'535 ? uint16_t{1}
                                                           : static_cast<uint16_t>(next_id_ + 1);
            sent_ = 0;
            waiting_.erase(waiting_.begin());
        }
    }

    loopback& home_;
    weft::stream stream_;
    uint16_t receive_max_, inflight_ = 0, next_id_ = 1;
    std::vector<subscription> filters_;
    std::vector<delivery> waiting_;
    size_t sent_ = 0;
    std::vector<uint64_t> meta_;
    std::string payload_;
};

weft::endpoint* loopback::accept(weft::stream s, const weft_begin& b) {
    const weft::meta_view<weft_mqtt_begin> m(b.h.meta);
    if (!m) return nullptr;
    const uint8_t refused = asked_failure(m.text(m->client_id), "refuse-");
    if (refused == 0) return new session(*this, s, m);
    struct refusal final : weft::endpoint {
        void on_closed(weft::stream) override { delete this; }
    };
    weft::meta_writer<weft_mqtt_reset> why;
    why->reason = refused;
    s.reset(why.get());
    s.abort(why.get());
    return new refusal;
}

struct loopback_binding final : weft::binding {
    std::unique_ptr<weft::instance> attach(weft::worker w) override {
        return std::make_unique<loopback>(w);
    }
};

struct plugin {
    static constexpr const char* type = "mqtt-loopback";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_PROXY;
    static constexpr const char* schema = ::schema;
    static constexpr const char* accepts[] = {WEFT_META_MQTT_BEGIN_NAME, nullptr};
    static constexpr const char* emits[] = {nullptr};
    std::unique_ptr<weft::binding> create(const weft::binding_config&) {
        return std::make_unique<loopback_binding>();
    }
};

}  // namespace

WEFT_PLUGIN(plugin)
