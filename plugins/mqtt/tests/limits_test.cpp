// Every limit that a user may set, and the code that says it was met.
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

class limits_test : public server_test {
public:
    // The reason code of the CONNACK that answers `hex_text` at once, "" while there is none.
    std::string refused(client& c, const char* hex_text) {
        c.send_hex(hex_text);
        const std::string raw = c.take();
        return raw.size() < 4 ? "" : to_hex(raw.substr(3, 1));
    }
    static constexpr const char* v5 = "10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }";
    static constexpr const char* v4 = "10 { 0004 'MQTT' 04 02 003c 0001 'c' }";
};

TEST_F(limits_test, topic_levels) {
    config.topic_levels_max = 3;
    client c = connect_v5();
    granted.qos_max = 2;
    c.send_hex("32 { 0007 'a/b/c/d' 0001 00 } 32 { 0005 'a/b/c' 0002 00 'x' }");
    EXPECT_EQ(c.take_hex(), "40 03 00 01 90");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    c.send_hex("82 { 0003 00 0007 'a/b/c/#' 01 0005 'a/b/#' 01 }");
    provider_subacks(c, 9, 3, {1});
    EXPECT_EQ(c.take_hex(), to_hex(hex("90 { 0003 00 8f 01 }")));
    c.send_hex("30 { 0007 'a/b/c/d' 00 }");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "90");
    client old = connect_v4();
    old.send_hex("82 { 0003 0007 'a/b/c/#' 01 }");
    EXPECT_EQ(old.take_hex(), "90 03 00 03 80");
    client will = accept();
    EXPECT_EQ(refused(will, "10 { 0004 'MQTT' 05 06 003c 00 0001 'c' 00 0007 'a/b/c/d' 0000 }"),
              "90");
}

TEST_F(limits_test, subscriptions_of_a_connection) {
    config.subscriptions_max = 2;
    client c = connect_v5();
    const auto subscribe = [&](const char* filters, std::vector<uint8_t> codes) {
        c.send_hex("82 { 0001 00 " + std::string(filters) + " }");
        if (c.session_sent(WEFT_FLUSH)) {
            c.take_session(WEFT_FLUSH);
            provider_subacks(c, 9, 1, std::move(codes));
        }
        return c.take_hex();
    };
    EXPECT_EQ(subscribe("0001 'a' 00 0001 'b' 00 0001 'c' 00", {0, 0x87}),
              to_hex(hex("90 { 0001 00 00 87 97 }")));
    EXPECT_EQ(subscribe("0001 'c' 00", {0}), to_hex(hex("90 { 0001 00 00 }")))
        << "the refused one does not count";
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(subscribe("0001 'a' 00", {0}), to_hex(hex("90 { 0001 00 00 }")))
            << "the same filter again is no further subscription";
    EXPECT_EQ(subscribe("0001 'd' 00", {}), to_hex(hex("90 { 0001 00 97 }")));
    c.send_hex("a2 { 0002 00 0001 'a' }");
    c.take_session(WEFT_FLUSH);
    provider_subacks(c, 11, 2, {0});
    c.take();
    EXPECT_EQ(subscribe("0001 'd' 00", {0}), to_hex(hex("90 { 0001 00 00 }")));
}

TEST_F(limits_test, publishes_per_second) {
    config.publish_rate_max = 4;
    client c = connect_v5();
    const auto publish = [&] { c.send_hex("30 { 0001 'a' 00 }"); };
    for (int i = 0; i < 4; ++i) publish();
    EXPECT_FALSE(c.net->closed) << "a second's worth at once";
    host.advance_ms(1'000);
    for (int i = 0; i < 40; ++i) {
        publish();
        host.advance_ms(250);
    }
    EXPECT_FALSE(c.net->closed);
    for (int i = 0; i < 5; ++i) publish();
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "96");
    client old = connect_v4();
    for (int i = 0; i < 5; ++i)
        if (!old.net->closed) old.send_hex("30 { 0001 'a' }");
    EXPECT_TRUE(old.ended());
}

TEST_F(limits_test, connects_per_second) {
    config.connect_rate_max = 4;
    for (int i = 0; i < 4; ++i) connect_v5();
    client c = accept(), d = accept(), e = accept();
    EXPECT_EQ(refused(c, v5), "9f");
    EXPECT_EQ(refused(d, v4), "03");
    host.advance_ms(500);
    EXPECT_EQ(refused(e, v5), "");
}

TEST_F(limits_test, connects_that_wait) {
    config.handshakes_max = 2;
    client a = accept(), b = accept(), c = accept(), d = accept(), e = accept(), f = accept();
    EXPECT_EQ(refused(a, v5), "");
    a.session = host.opened.back();
    EXPECT_EQ(refused(b, v5), "");
    b.session = host.opened.back();
    EXPECT_EQ(refused(c, v5), "89");
    EXPECT_EQ(refused(d, v4), "03");
    host.deliver_bare(a.net, WEFT_ABORT);
    EXPECT_EQ(refused(e, v5), "") << "who gives up makes room";
    EXPECT_EQ(refused(f, v5), "89");
    begin_session(e);
    client g = accept();
    EXPECT_EQ(refused(g, v5), "") << "and who is let in";
}

TEST_F(limits_test, connections) {
    config.connections_max = 2;
    client a = connect_v5();
    connect_v5();
    client c = accept(), d = accept(), e = accept();
    EXPECT_EQ(refused(c, v5), "97");
    EXPECT_EQ(refused(d, v4), "03");
    a.send_hex("e0 00");
    EXPECT_EQ(refused(e, v5), "");
}

}  // namespace
}  // namespace weft::mqtt
