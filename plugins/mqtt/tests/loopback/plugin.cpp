// mqtt-loopback: a session provider for tests, which plays its whole part of meta/mqtt.h in memory
// and on one worker: sessions with expiry and takeover, QoS 0 to 2 both ways with redelivery, wills
// with delay. No retained messages, no shared subscriptions. `$fail/<code>/...` as topic or filter
// is refused with that reason; a client id `refuse-<code>` is not let in; one that begins with
// `plain-` meets a provider that can do QoS 1 and nothing else.
#include "session.hpp"

#include <weft/plugin.hpp>

#include <map>

namespace {

using loopback::message;
using loopback::session;

constexpr const char* schema =
    R"({"kinds": {"proxy": {"options": {"type": "object", "additionalProperties": false}, "exit": "forbidden"}}})";
constexpr uint32_t window_bytes = 64 * 1024;

// The code behind `prefix`, hexadecimal, or 0.
uint8_t asked_failure(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return 0;
    return static_cast<uint8_t>(
        std::strtoul(std::string(text.substr(prefix.size(), 2)).c_str(), nullptr, 16));
}

struct provider final : weft::instance {
    explicit provider(weft::worker w) : here(w) {}
    weft::endpoint* accept(weft::stream s, const weft_begin& b) override;

    void publish(const message& m, const session* from) {
        for (auto& [id, s] : sessions) s->offer(m, from == s.get());
    }
    void forget(const std::string& id) { sessions.erase(id); }

    weft::worker here;
    std::map<std::string, std::unique_ptr<session>> sessions;
};

// One connection's stream.
class attachment final : public weft::endpoint {
public:
    attachment(provider& p, weft::stream s, session& of, bool present)
        : home_(p), stream_(s), session_(&of) {
        const bool plain = of.id.starts_with("plain-");
        weft::meta_writer<weft_mqtt_begin> m;
        m->qos_max = plain ? 1 : 2;
        m->capabilities =
            static_cast<uint8_t>(plain ? 0
                                       : WEFT_MQTT_CAP_RETAIN | WEFT_MQTT_CAP_WILDCARD |
                                             WEFT_MQTT_CAP_SUBSCRIPTION_IDS | WEFT_MQTT_CAP_WILL);
        m->session_expiry_s = of.expiry_s;
        m->flags = present ? WEFT_MQTT_SESSION_PRESENT : 0;
        stream_.begin(m.get());
        stream_.window(window_bytes);
    }

    // Another connection has the session now.
    void take_over() {
        session_ = nullptr;
        weft::meta_writer<weft_mqtt_reset> why;
        why->reason = 0x8e;
        stream_.abort(why.get());
        stream_.reset(why.get());
    }

    void on_data(weft::stream, const weft_data& d) override {
        if (d.h.flags & WEFT_INIT) arriving_ = message(d.h.meta);
        for (const auto& s : weft::slices(d)) arriving_.payload += weft::text_of(s);
        stream_.window(window_bytes);
        if ((d.h.flags & WEFT_FIN) == 0 || !session_) return;
        if (arriving_.is_will()) {
            session_->will = std::move(arriving_);
            return;
        }
        const uint8_t refused = asked_failure(arriving_.topic(), "$fail/");
        const uint8_t qos = arriving_.fields().qos;
        const uint16_t id = arriving_.fields().packet_id;
        const bool again = qos == 2 && refused == 0 && !session_->unreleased.insert(id).second;
        if (qos != 0) ack(qos == 1 ? 4 : 5, id, refused);
        if (refused == 0 && !again) home_.publish(arriving_, session_);
    }

    void on_flush(weft::stream, const weft_flush& f) override {
        if (!session_) return;
        if (const weft::meta_view<weft_mqtt_ack> a(f.h.meta); a) {
            if (a->type == 6)
                ack(7, a->packet_id, session_->unreleased.erase(a->packet_id) ? 0 : 0x92);
            else
                session_->on_ack(a->type, a->packet_id, a->reason);
            return;
        }
        weft::meta_writer<weft_mqtt_suback> answer;
        std::vector<uint8_t> codes;
        if (const weft::meta_view<weft_mqtt_subscribe> m(f.h.meta); m) {
            answer->type = 9;
            answer->packet_id = m->packet_id;
            for (const auto& filter : m.list<weft_mqtt_filter>(m->filters)) {
                const auto pattern = m.text(filter.pattern);
                const uint8_t refused = asked_failure(pattern, "$fail/");
                codes.push_back(refused != 0 ? refused : filter.qos);
                if (refused == 0)
                    session_->subscribe(pattern, filter.qos, filter.flags, m->subscription_id);
            }
        } else if (const weft::meta_view<weft_mqtt_unsubscribe> u(f.h.meta); u) {
            answer->type = 11;
            answer->packet_id = u->packet_id;
            for (const auto& ref : u.list<weft_ref>(u->patterns))
                codes.push_back(session_->unsubscribe(u.text(ref)) ? 0x00 : 0x11);
        }
        answer->reasons = answer.bytes(codes.data(), codes.size());
        stream_.flush(answer.get());
    }

    void on_window(weft::stream, const weft_window&) override {
        if (session_) session_->pump();
    }
    void on_end(weft::stream, const weft_frame& f) override {
        const weft::meta_view<weft_mqtt_reset> why(f.meta);
        if (why && session_) session_->expiry_s = why->session_expiry_s;
        over(!why || why->reason != 0x00);
    }
    void on_abort(weft::stream, const weft_frame&) override { over(true); }
    void on_reset(weft::stream, const weft_frame&) override {}
    void on_closed(weft::stream) override {
        if (session_) leave(true);
        delete this;
    }

private:
    void ack(uint8_t type, uint16_t id, uint8_t code) {
        weft::meta_writer<weft_mqtt_ack> m;
        m->type = type;
        m->packet_id = id;
        m->reason = code;
        stream_.flush(m.get());
    }
    void over(bool with_will) {
        if (session_) leave(with_will);
        stream_.abort();
        stream_.reset();
    }
    void leave(bool with_will) {
        session& s = *std::exchange(session_, nullptr);
        s.detach(with_will);
    }

    provider& home_;
    weft::stream stream_;
    session* session_;
    message arriving_;
};

weft::endpoint* provider::accept(weft::stream s, const weft_begin& b) {
    const weft::meta_view<weft_mqtt_begin> m(b.h.meta);
    if (!m) return nullptr;
    const std::string id(m.text(m->client_id));
    const uint8_t refused = asked_failure(id, "refuse-");
    if (refused != 0) {
        struct refusal final : weft::endpoint {
            void on_closed(weft::stream) override { delete this; }
        };
        weft::meta_writer<weft_mqtt_reset> why;
        why->reason = refused;
        s.reset(why.get());
        s.abort(why.get());
        return new refusal;
    }
    auto& place = sessions[id];
    if (place) place->take_over();
    // 3.1.3.2.2: the will of a session that ends does not wait for its delay.
    if (place && (place->expiry_s == 0 || (m->flags & WEFT_MQTT_CLEAN_START))) {
        place->end();
        place.reset();
    }
    const bool present = place != nullptr;
    if (!place)
        place = std::make_unique<session>(
            here, id, [this](const message& will, const session* of) { publish(will, of); },
            [this](const std::string& name) { forget(name); });
    place->attach(s, *m);
    auto* a = new attachment(*this, s, *place, present);
    place->on_takeover = [a] { a->take_over(); };
    return a;
}

struct loopback_binding final : weft::binding {
    std::unique_ptr<weft::instance> attach(weft::worker w) override {
        return std::make_unique<provider>(w);
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
