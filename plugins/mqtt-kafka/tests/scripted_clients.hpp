// The binding in the test kit's host before a scripted Kafka, and sessions as an mqtt server opens
// them.
#pragma once

#include "tests/scripted_kafka.hpp"

#include <gmock/gmock.h>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::mqtt_kafka::test {

inline constexpr const char* plugin_config = R"({"kind": "proxy", "options": {"topics": {
    "sessions": "mqtt-sessions", "messages": "mqtt-messages", "retained": "mqtt-retained"}}})";
inline constexpr uint32_t plenty = 1 << 20;

struct connect_options {
    uint32_t expiry_s = 0;
    uint8_t flags = WEFT_MQTT_CLEAN_START;
    uint32_t will_delay_s = 0;  // with WEFT_MQTT_WILL
    uint32_t window = plenty;   // 0: it takes nothing yet
};

class mqtt_kafka_plugin : public ::testing::Test {
protected:
    peer& open(const std::string& id, const connect_options& o = {}) {
        return open_to(proxy, id, o);
    }
    static peer& open_to(weft::testing::subject& to, const std::string& id,
                         const connect_options& o = {}) {
        meta_writer<weft_mqtt_begin> m;
        m->version = WEFT_MQTT_V5;
        m->flags = o.flags;
        m->session_expiry_s = o.expiry_s;
        m->receive_max = 100;
        m->client_id = m.text(id);
        peer& p = to.open(m.get());
        if (!p.closed() && o.window) p.keep_window(o.window);
        if (o.flags & WEFT_MQTT_WILL) {
            meta_writer<weft_mqtt_will> w;
            w->qos = 1;
            w->format = WEFT_MQTT_FORMAT_NONE;
            w->delay_s = o.will_delay_s;
            w->topic = w.text("wills/" + id);
            p.send("gone", w.get());
        }
        return p;
    }
    // A session that was accepted; whether it was there before is `present`.
    peer& connect(const std::string& id, const connect_options& o = {}, bool present = false) {
        return connect_to(proxy, id, o, present);
    }
    static peer& connect_to(weft::testing::subject& to, const std::string& id,
                            const connect_options& o = {}, bool present = false) {
        peer& p = open_to(to, id, o);
        const frame f = p.expect(WEFT_BEGIN);
        const auto m = f.as<weft_mqtt_begin>();
        EXPECT_TRUE(m);
        EXPECT_EQ((m->flags & WEFT_MQTT_SESSION_PRESENT) != 0, present);
        EXPECT_EQ(m->qos_max, 2);
        return p;
    }
    static meta_writer<weft_mqtt_publish> publish_meta(const std::string& topic, uint16_t id,
                                                       uint8_t qos, uint8_t flags = 0) {
        meta_writer<weft_mqtt_publish> m;
        m->qos = qos;
        m->flags = flags;
        m->packet_id = id;
        m->format = WEFT_MQTT_FORMAT_NONE;
        m->topic = m.text(topic);
        return m;
    }
    static void publish(peer& p, const std::string& topic, std::string_view payload, uint16_t id,
                        uint8_t qos = 1, uint8_t flags = 0) {
        p.send(payload, publish_meta(topic, id, qos, flags).get());
    }
    static void subscribe(peer& p, const std::string& filter, uint8_t qos = 1) {
        meta_writer<weft_mqtt_subscribe> m;
        m->packet_id = 77;
        m->filters = m.list<weft_mqtt_filter>(1);
        const weft_ref pattern = m.text(filter);
        m.item<weft_mqtt_filter>(m->filters, 0) = {pattern, qos, 0, 0, 0, 0};
        p.flush(m.get());
    }
    static void ack(peer& p, uint8_t type, uint16_t id) {
        meta_writer<weft_mqtt_ack> m;
        m->type = type;
        m->packet_id = id;
        p.flush(m.get());
    }
    static void disconnect(peer& p, uint32_t expiry_s) {
        meta_writer<weft_mqtt_reset> m;
        m->session_expiry_s = expiry_s;
        p.end(m.get());
        EXPECT_TRUE(p.closed());
    }
    // The next frame is an acknowledgement: its reason.
    static int expect_ack(peer& p, uint8_t type, uint16_t id) {
        const frame f = p.expect(WEFT_FLUSH);
        const auto m = f.as<weft_mqtt_ack>();
        if (!m) return -1;
        EXPECT_EQ(m->type, type);
        EXPECT_EQ(m->packet_id, id);
        return m->reason;
    }
    static void expect_suback(peer& p, const std::string& reasons) {
        const frame f = p.expect(WEFT_FLUSH);
        const auto m = f.as<weft_mqtt_suback>();
        ASSERT_TRUE(m);
        EXPECT_EQ(m->type, 9);
        EXPECT_EQ(m->packet_id, 77);
        EXPECT_EQ(m.text(m->reasons), reasons);
    }
    // The next frame is a delivery; its packet id.
    static uint16_t expect_delivery(peer& p, const std::string& topic, const std::string& payload,
                                    uint8_t qos = 1) {
        const frame f = p.expect(WEFT_DATA);
        const auto m = f.as<weft_mqtt_publish>();
        if (!m) return 0;
        EXPECT_EQ(m.text(m->topic), topic);
        EXPECT_EQ(f.payload, payload);
        EXPECT_EQ(m->qos, qos);
        return m->packet_id;
    }
    static void expect_reset(peer& p, uint8_t reason, std::string_view text = {}) {
        const frame f = p.expect(WEFT_RESET);
        const auto m = f.as<weft_mqtt_reset>();
        ASSERT_TRUE(m);
        EXPECT_EQ(m->reason, reason);
        EXPECT_TRUE(text.empty() || m.text(m->reason_string) == text) << m.text(m->reason_string);
        if (p.may_send()) p.abort();
    }

    weft::testing::host host;
    scripted_kafka kafka{host};
    weft::testing::subject& proxy = host.run(weft_plugin_1, plugin_config);
};

}  // namespace weft::mqtt_kafka::test
