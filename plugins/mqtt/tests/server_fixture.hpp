// A server on a fake host, a client's side of the network and a provider's side of the session, all
// played by the test.
#pragma once

#include "fake_host.hpp"
#include "hex.hpp"
#include "server.hpp"

#include <gtest/gtest.h>

namespace weft::mqtt {

class server_test : public ::testing::Test {
public:
    // One accepted connection. `out` collects what the server sent; take() returns it.
    struct client {
        testing::fake_host* host;
        weft_stream* net;
        weft_stream* session = nullptr;

        void send(std::string_view raw) { host->deliver_bytes(net, raw); }
        void send_hex(std::string_view text) { send(hex(text)); }

        std::string take() {
            std::string all;
            for (auto it = net->sent.begin(); it != net->sent.end();) {
                if (it->kind != WEFT_DATA) {
                    ++it;
                    continue;
                }
                all += it->payload;
                it = net->sent.erase(it);
            }
            return all;
        }
        std::string take_hex() { return to_hex(take()); }
        // The network side was ended in good order / dropped.
        bool ended() const { return saw(net, WEFT_END); }
        bool aborted() const { return saw(net, WEFT_ABORT); }

        static bool saw(const weft_stream* s, uint16_t kind) {
            for (const auto& f : s->sent)
                if (f.kind == kind) return true;
            return false;
        }
        // The next frame of this kind on the session stream; a test failure when there is none.
        sent_frame take_session(uint16_t kind) {
            for (auto it = session->sent.begin(); it != session->sent.end(); ++it) {
                if (it->kind != kind) continue;
                sent_frame f = std::move(*it);
                session->sent.erase(it);
                return f;
            }
            ADD_FAILURE() << "no frame of kind " << kind << " on the session stream";
            return {};
        }
        bool session_sent(uint16_t kind) const { return saw(session, kind); }
    };

    static constexpr uint64_t exit_id = 7;

    server_test() { config.routes = router({plain_route(exit_id)}); }
    ~server_test() override {
        for (auto* s : nets_) {
            if (s->closed) continue;
            if (!s->in_over || !s->out_over) {
                s->out_over = s->in_over = true;
                host.deliver(s, {sizeof(weft_frame), WEFT_ABORT, 0, 0, 0, nullptr});
            }
        }
        for (auto* s : host.opened) s->out_over = s->in_over = true;
        host.end_turn();
        host.answer_guards();
        server_.reset();
        EXPECT_TRUE(host.guard_sessions.empty()) << "sessions of a guard leak";
        EXPECT_EQ(host.buffers_alive, 0) << "slices leak";
        EXPECT_EQ(host.timers(), 0u);
    }

    static route_config plain_route(uint64_t exit) {
        route_config r;
        r.exit = exit;
        return r;
    }

    server& the_server() {
        if (!server_) server_ = std::make_unique<server>(config, host.here());
        return *server_;
    }

    client accept(uint32_t credit = 1 << 20, uint64_t auth = 0) {
        meta_writer<weft_tcp_begin> m;
        m->remote_host = m.text("10.0.0.9");
        m->remote_port = 4711;
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, auth, m.get()}, 0, 0};
        weft_stream* s = host.new_stream();
        endpoint* e = the_server().accept(stream{s}, b);
        if (!e) return {&host, nullptr};
        s->vt = endpoint::table();
        s->self = e;
        nets_.push_back(s);
        host.grant(s, credit);
        return {&host, s};
    }

    // What the provider answers with; change before connect().
    struct grants {
        uint8_t qos_max = 1;
        uint8_t capabilities =
            WEFT_MQTT_CAP_RETAIN | WEFT_MQTT_CAP_WILDCARD | WEFT_MQTT_CAP_SUBSCRIPTION_IDS;
        uint16_t receive_max = 0;
        uint32_t session_expiry_s = 0;
        uint8_t flags = 0;
    } granted;

    // Answers the session stream that `c` caused to be opened.
    void begin_session(client& c, uint32_t credit = 1 << 20, uint32_t padding = 0) {
        ASSERT_FALSE(host.opened.empty());
        c.session = host.opened.back();
        meta_writer<weft_mqtt_begin> m;
        m->qos_max = granted.qos_max;
        m->capabilities = granted.capabilities;
        m->receive_max = granted.receive_max;
        m->session_expiry_s = granted.session_expiry_s;
        m->flags = granted.flags;
        host.deliver_begin(c.session, m.get());
        if (credit != 0) host.grant(c.session, credit, padding);
    }

    client connect(std::string_view connect_hex, uint32_t credit = 1 << 20, uint32_t padding = 0) {
        client c = accept();
        c.send_hex(connect_hex);
        begin_session(c, credit, padding);
        c.take();
        return c;
    }
    client connect_v5(uint32_t credit = 1 << 20, uint32_t padding = 0) {
        return connect("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }", credit, padding);
    }
    client connect_v4(uint32_t credit = 1 << 20, uint32_t padding = 0) {
        return connect("10 { 0004 'MQTT' 04 02 003c 0001 'c' }", credit, padding);
    }

    void provider_acks(client& c, uint8_t type, uint16_t id, uint8_t code = 0,
                       std::string_view text = {}) {
        meta_writer<weft_mqtt_ack> m;
        m->type = type;
        m->packet_id = id;
        m->reason = code;
        if (!text.empty()) m->reason_string = m.text(text);
        host.deliver_flush(c.session, m.get());
    }
    void provider_subacks(client& c, uint8_t type, uint16_t id, std::vector<uint8_t> codes,
                          std::string_view text = {}) {
        meta_writer<weft_mqtt_suback> m;
        m->type = type;
        m->packet_id = id;
        m->reasons = m.bytes(codes.data(), codes.size());
        if (!text.empty()) m->reason_string = m.text(text);
        host.deliver_flush(c.session, m.get());
    }
    void provider_ends(client& c, uint16_t kind, uint8_t code, std::string_view text = {}) {
        meta_writer<weft_mqtt_reset> m;
        m->reason = code;
        if (!text.empty()) m->reason_string = m.text(text);
        host.deliver_bare(c.session, kind, m.get());
    }
    void deliver(client& c, std::string_view topic, std::string_view payload, uint8_t qos = 0,
                 uint16_t id = 0, uint16_t flags = WEFT_INIT | WEFT_FIN, uint32_t deferred = 0) {
        meta_writer<weft_mqtt_publish> m;
        m->qos = qos;
        m->packet_id = id;
        m->format = WEFT_MQTT_FORMAT_NONE;
        m->deferred = deferred;
        m->topic = m.text(topic);
        host.deliver_bytes(c.session, payload, m.get(), flags);
    }

    testing::fake_host host;
    settings config;

private:
    std::unique_ptr<server> server_;
    std::vector<weft_stream*> nets_;
};

}  // namespace weft::mqtt
