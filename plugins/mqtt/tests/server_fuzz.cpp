// Fuzzing of a connection: the input is a script of what the client, the provider, the network and
// the clock do. Nothing may crash, leak or break the host's rules (the fake host throws when credit
// is overspent or a window goes down).
#include "connection.hpp"
#include "fake_host.hpp"
#include "server.hpp"

#include <cstdlib>

using namespace weft;
using namespace weft::mqtt;

namespace {

// Takes the script apart.
class script {
public:
    explicit script(bytes b) : left_(b) {}
    bool empty() const { return left_.empty(); }
    uint8_t byte() {
        if (left_.empty()) return 0;
        const uint8_t b = left_[0];
        left_ = left_.subspan(1);
        return b;
    }
    std::string_view text(size_t n) {
        const bytes b = left_.first(std::min(n, left_.size()));
        left_ = left_.subspan(b.size());
        return as_text(b);
    }

private:
    bytes left_;
};

struct world {
    weft::testing::fake_host host;
    settings config;
    std::unique_ptr<server> under_test;
    weft_stream* net = nullptr;
    bool net_gone = false;

    explicit world(bool with_authentication) {
        route_config r;
        r.exit = 1;
        config.routes = router({r});
        config.accept_31 = true;
        config.publish_rate_max = 1'000;
        config.subscriptions_max = 10;
        config.delivery_alias_maximum = 4;
        if (with_authentication) {
            auto a = std::make_unique<authentication>(password_file());
            a->add_scram();
            a->required = false;
            config.auth = std::move(a);
        }
        under_test = std::make_unique<server>(config, host.here());
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, 0, nullptr}, 0, 0};
        net = host.new_stream();
        net->self = under_test->accept(stream{net}, b);
        net->vt = endpoint::table();
        host.grant(net, 1'000);
    }

    weft_stream* session() {
        return host.opened.empty() || host.opened.back()->closed ? nullptr : host.opened.back();
    }

    // The client's bytes; first a good CONNECT, if asked for, so that the rest is reached.
    void send(std::string_view raw) {
        if (net->closed || net->in_over) return;
        raw = raw.substr(0, static_cast<size_t>(net->window_limit - net->received));
        if (!raw.empty()) host.deliver_bytes(net, raw);
    }
    void begin_session(uint8_t capabilities) {
        if (!session() || session()->in_over) return;
        meta_writer<weft_mqtt_begin> m;
        m->qos_max = capabilities & 3;
        m->capabilities = capabilities;
        m->receive_max = capabilities;
        host.deliver_begin(session(), m.get());
    }
    void ack(script& s) {
        if (!session() || session()->in_over) return;
        meta_writer<weft_mqtt_ack> m;
        m->type = s.byte() & 15;
        m->reason = s.byte();
        m->packet_id = s.byte();
        if (m->reason & 1) m->reason_string = m.text("because");
        host.deliver_flush(session(), m.get());
    }
    void suback(script& s) {
        if (!session() || session()->in_over) return;
        meta_writer<weft_mqtt_suback> m;
        m->type = (s.byte() & 1) ? 9 : 11;
        m->packet_id = s.byte();
        const uint8_t codes[] = {s.byte(), s.byte()};
        m->reasons = m.bytes(codes, s.byte() % 3);
        host.deliver_flush(session(), m.get());
    }
    void deliver(script& s) {
        if (!session() || session()->in_over) return;
        meta_writer<weft_mqtt_publish> m;
        m->qos = s.byte() % 3;
        m->flags = s.byte() & 7;
        m->format = s.byte() % 3;
        m->packet_id = m->qos != 0 ? uint16_t{s.byte()} : uint16_t{0};
        m->deferred = s.byte();
        m->topic = m.text("a/b");
        const uint16_t flags = s.byte() & (WEFT_INIT | WEFT_FIN | WEFT_INCOMPLETE);
        std::string payload(s.byte() * 20u, 'x');
        auto* to = session();
        const uint64_t room = to->window_limit - to->received;
        if (room < to->window_padding) return;
        payload.resize(std::min<size_t>(payload.size(), room - to->window_padding));
        host.deliver_bytes(to, payload, (flags & WEFT_INIT) ? m.get() : nullptr, flags);
    }
    void step(script& s) {
        const uint8_t what = s.byte();
        auto* provider = session();
        switch (what % 12) {
            case 0:
                return send(s.text(s.byte()));
            case 1:
                return send(s.text(s.byte() * 16u));
            case 2:
                return begin_session(s.byte());
            case 3:
                return ack(s);
            case 4:
                return suback(s);
            case 5:
                return deliver(s);
            case 6:
                if (!net->closed && !net->out_over) host.grant(net, s.byte() * 10u, s.byte() % 20u);
                return;
            case 7:
                if (provider && !provider->out_over)
                    host.grant(provider, s.byte() * 40u, s.byte() % 20u);
                return;
            case 8:
                return host.advance_ms(s.byte() * 100u);
            case 9:
                if (!net->closed && !net->in_over)
                    host.deliver_bare(net, (s.byte() & 1) ? WEFT_END : WEFT_ABORT);
                return;
            case 10:
                if (provider && !provider->in_over)
                    host.deliver_bare(provider, (s.byte() & 1) ? WEFT_END : WEFT_ABORT);
                return;
            case 11:
                if ((s.byte() & 15) == 0)
                    under_test->drain(WEFT_DRAIN_STOP, UINT64_MAX), host.end_turn();
        }
    }
    void finish() {
        if (!net->closed) {
            net->in_over = net->out_over = true;
            host.deliver(net, {sizeof(weft_frame), WEFT_ABORT, 0, 0, 0, nullptr});
        }
        for (auto* s : host.opened) s->out_over = s->in_over = true;
        host.end_turn();
        under_test.reset();
        if (host.buffers_alive != 0 || host.timers() != 0) std::abort();
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    script s{bytes{data, size}};
    const uint8_t start = s.byte();
    world w(start & 4);
    if (start & 1) {
        const bool v5 = start & 2;
        std::string connect = v5 ? std::string("\x10\x0e\0\4MQTT\5\2\0\x0a\0\0\1c", 16)
                                 : std::string("\x10\x0d\0\4MQTT\4\2\0\x0a\0\1c", 15);
        w.send(connect);
        w.begin_session(static_cast<uint8_t>(start | 0x70));
    }
    while (!s.empty()) w.step(s);
    w.finish();
    return 0;
}
