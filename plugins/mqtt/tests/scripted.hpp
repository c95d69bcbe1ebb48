// A session provider that answers by itself, and an mqtt server in the test kit's host in front of
// it.
#pragma once

#include "hex.hpp"

#include <weft/testing.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::mqtt {

using weft::testing::frame;
using weft::testing::peer;

inline constexpr const char* server_config = R"({"kind": "server"})";
inline constexpr uint32_t plenty = 1 << 20;

// Answers a session as a provider does that has nothing to wait for, and notes what it heard.
class provider {
public:
    provider(peer& p, uint32_t window) {
        p.on_frame = [this](peer& from, const frame& f) { hear(from, f); };
        meta_writer<weft_mqtt_begin> m;
        m->qos_max = 2;
        m->capabilities = WEFT_MQTT_CAP_RETAIN | WEFT_MQTT_CAP_WILDCARD |
                          WEFT_MQTT_CAP_SUBSCRIPTION_IDS | WEFT_MQTT_CAP_SHARED |
                          WEFT_MQTT_CAP_WILL;
        m->receive_max = 16;
        p.begin(m.get());
        p.keep_window(window);
    }
    std::vector<std::string> heard;

private:
    void hear(peer& from, const frame& f) {
        switch (f.kind) {
            case WEFT_DATA:
                return hear_data(from, f);
            case WEFT_FLUSH:
                return hear_flush(from, f);
            case WEFT_END:
                if (auto m = f.as<weft_mqtt_reset>())
                    heard.push_back("end " + std::to_string(m->reason));
                return from.end();
            case WEFT_ABORT:
                heard.push_back("abort");
                return from.abort();
            default:
                return;
        }
    }
    void hear_data(peer& from, const frame& f) {
        if (auto m = f.as<weft_mqtt_will>()) {
            open_ = "will " + std::string(m.text(m->topic)) + " ";
            answer_ = {};
        } else if (auto p = f.as<weft_mqtt_publish>()) {
            open_ = "publish " + std::string(p.text(p->topic)) + " " + std::to_string(p->qos) + " ";
            answer_ = {p->qos == 2 ? uint8_t{5} : uint8_t{4},
                       p->qos == 0 ? uint16_t{0} : p->packet_id};
        }
        open_ += f.payload;
        if (!(f.flags & WEFT_FIN)) return;
        heard.push_back(open_);
        if (answer_.second != 0) ack(from, answer_.first, answer_.second);
    }
    void hear_flush(peer& from, const frame& f) {
        if (auto a = f.as<weft_mqtt_ack>()) {
            heard.push_back("ack " + std::to_string(a->type) + " " + std::to_string(a->packet_id));
            if (a->type == 6) ack(from, 7, a->packet_id);
        } else if (auto s = f.as<weft_mqtt_subscribe>()) {
            const auto filters = s.list<weft_mqtt_filter>(s->filters);
            heard.push_back("subscribe " + std::string(s.text(filters.front().pattern)));
            suback(from, 9, s->packet_id, filters.front().qos);
        } else if (auto u = f.as<weft_mqtt_unsubscribe>()) {
            heard.push_back("unsubscribe " +
                            std::string(u.text(u.list<weft_ref>(u->patterns).front())));
            suback(from, 11, u->packet_id, 0x11);
        }
    }
    static void ack(peer& to, uint8_t type, uint16_t id) {
        meta_writer<weft_mqtt_ack> m;
        m->type = type;
        m->packet_id = id;
        to.flush(m.get());
    }
    static void suback(peer& to, uint8_t type, uint16_t id, uint8_t code) {
        meta_writer<weft_mqtt_suback> m;
        m->type = type;
        m->packet_id = id;
        m->reasons = m.bytes(&code, 1);
        to.flush(m.get());
    }

    std::string open_;                          // a message that has not all come
    std::pair<uint8_t, uint16_t> answer_ = {};  // what it is to be answered with
};

// A host with one mqtt server whose session streams are answered by providers.
class mqtt_world {
public:
    explicit mqtt_world(const char* config = server_config, uint32_t provider_window = plenty)
        : mqtt(host.run(weft_plugin_1, config)) {
        host.on_open = [this, provider_window](peer& p) {
            sessions.push_back(&p);
            providers.push_back(std::make_unique<provider>(p, provider_window));
        };
    }
    // A client whose network takes `window` bytes at a time.
    peer& connect(std::string_view connect_hex = {}, uint32_t window = plenty) {
        meta_writer<weft_tcp_begin> m;
        m->remote_host = m.text("10.0.0.9");
        m->remote_port = 4711;
        peer& client = mqtt.open(m.get());
        client.keep_window(window);
        if (!connect_hex.empty()) client.send(hex(connect_hex));
        return client;
    }
    peer& connect_v5() {
        peer& client = connect("10 { 0004 'MQTT' 05 02 000a 00 0003 'dev' }");
        EXPECT_EQ(to_hex(client.take_data()).substr(0, 2), "20");
        return client;
    }
    // A client that was told `code` and nothing more.
    static void expect_disconnect(peer& client, std::string_view code) {
        const std::string last = client.take_data();
        EXPECT_EQ(to_hex(last.substr(0, 1)), "e0");
        EXPECT_EQ(to_hex(last.substr(2, 1)), code);
        EXPECT_TRUE(client.ended());
    }

    weft::testing::host host;
    weft::testing::subject& mqtt;
    std::vector<peer*> sessions;
    std::vector<std::unique_ptr<provider>> providers;
};

// The network has ended; says so on our side, as tcp does.
inline void leave(peer& client) {
    EXPECT_TRUE(client.ended());
    if (client.may_send()) client.end();
    EXPECT_TRUE(client.closed());
}

}  // namespace weft::mqtt
