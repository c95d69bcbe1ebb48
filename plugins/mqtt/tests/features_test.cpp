// What the server half adds to a session: topic aliases out, Response Information, session present
// and expiry, and the version before v3.1.1.
#include "decoder.hpp"
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

class features_test : public server_test {
public:
    // The CONNACK of a CONNECT, decoded.
    packet& welcome(std::string_view connect_hex) {
        client c = accept();
        c.send_hex(connect_hex);
        begin_session(c);
        raw_ = c.take();
        decoder d{role::server, packet_size_limit, version_5};
        bytes in = as_bytes(raw_);
        EXPECT_EQ(d.next(in, got_), step::packet) << got_.error.text;
        return got_;
    }

private:
    packet got_;
    std::string raw_;
};

// [MQTT-3.3.2-8] [MQTT-3.1.2-26] [MQTT-3.1.2-27]
TEST_F(features_test, aliases_are_used_where_the_client_takes_them) {
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 22 0001 } 0001 'c' }");
    deliver(c, "sensor/one", "1");
    deliver(c, "sensor/one", "2");
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 000a 'sensor/one' { 23 0001 } '1' } "
                                       "30 { 0000 { 23 0001 } '2' }")));
    deliver(c, "sensor/two", "3");
    deliver(c, "sensor/one", "4");
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 000a 'sensor/two' { 23 0001 } '3' } "
                                       "30 { 000a 'sensor/one' { 23 0001 } '4' }")))
        << "one place: the newer topic takes it";
    deliver(c, "t", "5");
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 0001 't' 00 '5' }"))) << "shorter than its alias";

    client none = connect_v5();
    deliver(none, "sensor/one", "1");
    deliver(none, "sensor/one", "2");
    EXPECT_EQ(none.take_hex(), to_hex(hex("30 { 000a 'sensor/one' 00 '1' } "
                                          "30 { 000a 'sensor/one' 00 '2' }")));
}

TEST_F(features_test, aliases_stay_within_both_maxima) {
    config.delivery_alias_maximum = 4;
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 22 ffff } 0001 'c' }");
    decoder d{role::server, packet_size_limit, version_5};
    packet p;
    std::map<uint32_t, std::string> topics;
    for (int i = 0; i < 200; ++i) {
        const std::string topic = "sensor/" + std::to_string(100 + i * 7 % 13);
        deliver(c, topic, "x");
        const std::string raw = c.take();
        bytes in = as_bytes(raw);
        ASSERT_EQ(d.next(in, p), step::packet);
        const uint32_t alias = p.props.number(property::topic_alias);
        ASSERT_GE(alias, 1u);
        ASSERT_LE(alias, 4u);
        if (!p.publish.topic.empty()) topics[alias] = p.publish.topic;
        EXPECT_EQ(topics[alias], topic) << "what the client makes of it";
    }
}

TEST_F(features_test, an_alias_that_was_not_sent_is_not_used) {
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 22 0001 27 00000020 } 0001 'c' }");
    deliver(c, "sensor/one", std::string(40, 'x'));
    EXPECT_EQ(c.take(), "") << "too large, dropped";
    deliver(c, "sensor/one", "1");
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 000a 'sensor/one' { 23 0001 } '1' }")));
    deliver(c, "sensor/two", std::string(17, 'x'));
    EXPECT_EQ(c.take().size(), 32u) << "fits without a new alias only";
    deliver(c, "sensor/one", std::string(24, 'x'));
    EXPECT_EQ(c.take().size(), 32u) << "fits with a known alias only";
}

// [MQTT-3.1.2-28]
TEST_F(features_test, response_information_for_who_asks) {
    EXPECT_FALSE(welcome("10 { 0004 'MQTT' 05 02 003c { 19 01 } 0001 'c' }")
                     .props.has(property::response_information));
    config.response_information = "replies/{client-id}/";
    EXPECT_EQ(welcome("10 { 0004 'MQTT' 05 02 003c { 19 01 } 0001 'c' }")
                  .props.text(property::response_information),
              "replies/c/");
    for (const char* not_asked : {"10 { 0004 'MQTT' 05 02 003c { 19 00 } 0001 'c' }",
                                  "10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }"})
        EXPECT_FALSE(welcome(not_asked).props.has(property::response_information));
}

// [MQTT-3.2.2-2] [MQTT-3.2.2-3]
TEST_F(features_test, session_present_as_the_exit_says_but_never_after_a_clean_start) {
    granted.flags = WEFT_MQTT_SESSION_PRESENT;
    EXPECT_TRUE(welcome("10 { 0004 'MQTT' 05 00 003c 00 0001 'c' }").session_present);
    EXPECT_FALSE(welcome("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }").session_present);
    granted.flags = 0;
    EXPECT_FALSE(welcome("10 { 0004 'MQTT' 05 00 003c 00 0001 'c' }").session_present);
}

// 3.2.2.3.2
TEST_F(features_test, session_expiry_is_told_when_it_differs) {
    granted.session_expiry_s = 100;
    EXPECT_FALSE(welcome("10 { 0004 'MQTT' 05 00 003c { 11 00000064 } 0001 'c' }")
                     .props.has(property::session_expiry));
    EXPECT_EQ(welcome("10 { 0004 'MQTT' 05 00 003c { 11 ffffffff } 0001 'c' }")
                  .props.number(property::session_expiry),
              100u);
}

TEST_F(features_test, disconnect_may_change_the_session_expiry) {
    const auto end = [&](const char* connect_hex, const char* goodbye) {
        client c = connect(connect_hex);
        c.send_hex(goodbye);
        const sent_frame f = c.take_session(WEFT_END);
        return meta_view<weft_mqtt_reset>(f.block())->session_expiry_s;
    };
    const char* hundred = "10 { 0004 'MQTT' 05 00 003c { 11 00000064 } 0001 'c' }";
    EXPECT_EQ(end(hundred, "e0 00"), 100u);
    EXPECT_EQ(end(hundred, "e0 { 00 { 11 00000000 } }"), 0u);
    EXPECT_EQ(end(hundred, "e0 { 00 { 11 ffffffff } }"), WEFT_MQTT_EXPIRY_NEVER);
    EXPECT_EQ(end("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }", "e0 { 00 { 11 00000000 } }"), 0u);
    EXPECT_EQ(end("10 { 0004 'MQTT' 04 00 003c 0001 'c' }", "e0 00"), WEFT_MQTT_EXPIRY_NEVER);
    EXPECT_EQ(end("10 { 0004 'MQTT' 04 02 003c 0001 'c' }", "e0 00"), 0u);
}

// [MQTT-3.1.2-29]: reason strings elsewhere are tested with publishes
TEST_F(features_test, disconnect_says_why_whatever_was_asked) {
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 17 00 } 0001 'c' }");
    provider_ends(c, WEFT_RESET, 0x98, "because");
    EXPECT_EQ(c.take_hex(), to_hex(hex("e0 { 98 { 1f 0007 'because' } }")));
}

TEST_F(features_test, v31_where_it_is_switched_on) {
    const char* old = "10 { 0006 'MQIsdp' 03 00 003c 0001 'c' }";
    config.accept_31 = true;
    granted.flags = WEFT_MQTT_SESSION_PRESENT;
    client c = accept();
    c.send_hex(old);
    const meta_view<weft_mqtt_begin> m(
        reinterpret_cast<const weft_meta*>(host.opened.back()->begin_meta.data()));
    EXPECT_EQ(m->version, WEFT_MQTT_V311) << "to the exit it is v3.1.1";
    EXPECT_EQ(m->session_expiry_s, WEFT_MQTT_EXPIRY_NEVER);
    begin_session(c);
    EXPECT_EQ(c.take_hex(), "20 02 00 00") << "no session present flag there";
    c.send_hex("8a { 0007 0001 'a' 01 }");
    provider_subacks(c, 9, 7, {1});
    EXPECT_EQ(c.take_hex(), "90 03 00 07 01") << "DUP in SUBSCRIBE is legal there";
    c.send_hex("c0 00");
    EXPECT_EQ(c.take_hex(), "d0 00");

    client empty = accept();
    empty.send_hex("10 { 0006 'MQIsdp' 03 02 003c 0000 }");
    EXPECT_EQ(empty.take_hex(), "20 02 00 02") << "it has no empty client ids";
    client mixed = accept();
    mixed.send_hex("10 { 0006 'MQIsdp' 04 02 003c 0001 'c' }");
    EXPECT_EQ(mixed.take_hex(), "20 02 00 01");
    config.accept_311 = false;
    client newer = accept();
    newer.send_hex("10 { 0004 'MQTT' 04 02 003c 0001 'c' }");
    EXPECT_EQ(newer.take_hex(), "20 02 00 01");
}

// 3.1.1 [MQTT-3.1.3-6]
TEST_F(features_test, empty_client_ids_get_one) {
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 04 02 003c 0000 }");
    const meta_view<weft_mqtt_begin> m(
        reinterpret_cast<const weft_meta*>(host.opened.back()->begin_meta.data()));
    EXPECT_TRUE(m.text(m->client_id).starts_with("weft-"));
    begin_session(c);
    EXPECT_EQ(c.take_hex(), "20 02 00 00");
}

}  // namespace
}  // namespace weft::mqtt
