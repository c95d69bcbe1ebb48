// A connected client: keep alive, ping, both kinds of end, subscriptions.
#include "connection.hpp"
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

using session_test = server_test;

// [MQTT-3.12.4-1] 3.1.1 [MQTT-3.12.4-1]
TEST_F(session_test, ping_is_answered) {
    client c = connect_v5();
    c.send_hex("c0 00 c0 00");
    EXPECT_EQ(c.take_hex(), "d0 00 d0 00");
}

// [MQTT-3.1.2-22]
TEST_F(session_test, keep_alive_is_one_and_a_half_times) {
    client c = connect("10 { 0004 'MQTT' 05 02 000a 00 0001 'c' }");
    host.advance_ms(14'000);
    c.send_hex("c0 00");
    c.take();
    host.advance_ms(14'900);
    EXPECT_FALSE(c.net->closed);
    host.advance_ms(700);
    EXPECT_EQ(to_hex(c.take().substr(0, 3)).substr(0, 2), "e0");
    EXPECT_TRUE(c.ended());
    EXPECT_TRUE(c.session_sent(WEFT_ABORT)) << "the will, later, depends on it";
}

TEST_F(session_test, keep_alive_0_is_off) {
    client c = connect("10 { 0004 'MQTT' 05 02 0000 00 0001 'c' }");
    host.advance_ms(100'000'000);
    EXPECT_FALSE(c.net->closed);
}

// 3.1.1 [MQTT-3.1.2-24]
TEST_F(session_test, v4_keep_alive_is_never_changed) {
    client c = connect("10 { 0004 'MQTT' 04 02 0001 0001 'c' }");
    host.advance_ms(2'000);
    EXPECT_TRUE(c.net->closed) << "1 s is below keep.alive.minimum, but v3.1.1 cannot be told";
    client d = connect("10 { 0004 'MQTT' 04 02 ffff 0001 'd' }");
    host.advance_ms(65'535 * 1'000);
    EXPECT_FALSE(d.net->closed);
}

TEST_F(session_test, disconnect_ends_the_session_in_good_order) {
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 11 00000064 } 0001 'c' }");
    c.send_hex("e0 { 04 { 11 0000000a } }");
    const sent_frame f = c.take_session(WEFT_END);
    const meta_view<weft_mqtt_reset> m(f.block());
    ASSERT_TRUE(m);
    EXPECT_EQ(m->reason, 0x04);
    EXPECT_EQ(m->session_expiry_s, 10u);
    EXPECT_EQ(c.take(), "") << "a client's DISCONNECT is not answered";
    EXPECT_TRUE(c.ended());
    EXPECT_EQ(host.cells["mqtt.connections"], 0u);
}

TEST_F(session_test, disconnect_may_not_bring_a_session_expiry_up_from_0) {
    client c = connect_v5();
    c.send_hex("e0 { 00 { 11 0000000a } }");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "82");
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
}

TEST_F(session_test, a_lost_network_aborts_the_session) {
    for (uint16_t kind : {WEFT_END, WEFT_ABORT}) {
        client c = connect_v5();
        host.deliver_bare(c.net, kind);
        EXPECT_TRUE(c.session_sent(WEFT_ABORT));
        EXPECT_FALSE(c.session_sent(WEFT_END));
        EXPECT_TRUE(c.net->closed && c.session->closed);
    }
}

TEST_F(session_test, provider_ends_become_disconnects) {
    for (uint16_t kind : {WEFT_END, WEFT_ABORT, WEFT_RESET}) {
        client c = connect_v5();
        provider_ends(c, kind, 0x8e, "taken over");
        EXPECT_EQ(c.take_hex(), to_hex(hex("e0 { 8e { 1f 000a 'taken over' } }")));
        EXPECT_TRUE(c.net->closed && c.session->closed);
        client d = connect_v4();
        provider_ends(d, kind, 0x8e, "taken over");
        EXPECT_EQ(d.take(), "") << "v3.1.1 has no DISCONNECT from a server";
        EXPECT_TRUE(d.ended());
    }
}

// [MQTT-4.13.1-1] [MQTT-3.1.0-2] [MQTT-3.2.2-11] [MQTT-3.2.2-15] [MQTT-3.2.2-17] [MQTT-4.12.0-7]
TEST_F(session_test, protocol_errors_are_answered_with_their_code) {
    for (auto [packet, code] : {std::pair{"ff 00", "81"},
                                {"10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }", "82"},
                                {"f0 { 18 { 15 0001 'm' } }", "82"},
                                {"20 02 00 00", "82"},
                                {"30 { 0003 'a/#' 00 }", "90"},
                                {"82 { 0001 00 0002 'a#' 00 }", "8f"},
                                {"30 { 0001 'a' { 23 0011 } }", "94"},
                                {"30 { 0000 { 23 0001 } }", "82"},
                                {"34 { 0001 'a' 0001 00 }", "9b"},
                                {"30 ff ff ff 7f", "95"},
                                {"82 { 0001 00 000a '$share/g/a' 00 }", "9e"}}) {
        client c = connect_v5();
        c.send_hex(packet);
        const std::string out = c.take();
        ASSERT_GE(out.size(), 3u) << packet;
        EXPECT_EQ(to_hex(out.substr(0, 1)), "e0") << packet;
        EXPECT_EQ(to_hex(out.substr(2, 1)), code) << packet;
        EXPECT_TRUE(c.ended()) << packet;
        EXPECT_TRUE(c.session_sent(WEFT_ABORT)) << packet;
    }
    EXPECT_EQ(host.cells["mqtt.errors"], 11u);
}

TEST_F(session_test, events_of_clients_are_limited) {
    for (int i = 0; i < 100; ++i) {
        client c = connect_v5();
        c.send_hex("ff 00");
    }
    EXPECT_EQ(
        std::count(host.event_ids.begin(), host.event_ids.end(), "binding.mqtt.packet.rejected"),
        1);
    host.advance_ms(1'100);
    client c = connect_v5();
    c.send_hex("ff 00");
    EXPECT_EQ(host.event_texts.back(),
              "Rejected a packet of client id (c) at (10.0.0.9:4711): malformed packet, reserved "
              "flags of the fixed header are wrong. "
              "(and 99 more before)");
}

// 3.1.1 [MQTT-4.8.0-1] 3.1.1 [MQTT-2.2.2-2]
TEST_F(session_test, v4_protocol_errors_just_close) {
    client c = connect_v4();
    c.send_hex("ff 00");
    EXPECT_EQ(c.take(), "");
    EXPECT_TRUE(c.ended());
}

// [MQTT-3.8.4-2] [MQTT-2.2.1-6]
TEST_F(session_test, subscribe_goes_up_and_suback_comes_down) {
    client c = connect_v5();
    c.send_hex("82 { 0007 { 0b 8001 } 0001 'a' 2d 0003 'b/#' 02 }");
    const sent_frame f = c.take_session(WEFT_FLUSH);
    const meta_view<weft_mqtt_subscribe> m(f.block());
    ASSERT_TRUE(m);
    EXPECT_EQ(m->packet_id, 7);
    EXPECT_EQ(m->subscription_id, 128u);
    const auto filters = m.list<weft_mqtt_filter>(m->filters);
    ASSERT_EQ(filters.size(), 2u);
    EXPECT_EQ(m.text(filters[0].pattern), "a");
    EXPECT_EQ(filters[0].qos, 1);
    EXPECT_EQ(filters[0].flags, WEFT_MQTT_NO_LOCAL | WEFT_MQTT_RETAIN_AS_PUBLISHED);
    EXPECT_EQ(filters[0].retain_handling, 2);
    EXPECT_EQ(m.text(filters[1].pattern), "b/#");
    EXPECT_EQ(filters[1].qos, 2);
    provider_subacks(c, 9, 7, {1, 1}, "fine");
    EXPECT_EQ(c.take_hex(), to_hex(hex("90 { 0007 { 1f 0004 'fine' } 01 01 }")));
}

// 3.1.1 [MQTT-3.9.3-2] 3.1.1 [MQTT-3.10.4-5] 3.1.1 [MQTT-2.3.1-7]
TEST_F(session_test, v4_suback_knows_one_failure) {
    client c = connect_v4();
    c.send_hex("82 { 0007 0001 'a' 01 0001 'b' 00 }");
    provider_subacks(c, 9, 7, {1, 0x87});
    EXPECT_EQ(c.take_hex(), "90 04 00 07 01 80");
    c.send_hex("a2 { 0008 0001 'a' }");
    provider_subacks(c, 11, 8, {0x11});
    EXPECT_EQ(c.take_hex(), "b0 02 00 08");
}

TEST_F(session_test, v4_shared_subscriptions_are_refused_in_suback) {
    client c = connect_v4();
    c.send_hex("82 { 0007 000a '$share/g/a' 01 }");
    EXPECT_EQ(c.take_hex(), "90 03 00 07 80");
}

// [MQTT-3.10.4-5] [MQTT-3.11.3-1]
TEST_F(session_test, unsubscribe_goes_up_and_unsuback_comes_down) {
    client c = connect_v5();
    c.send_hex("a2 { 0009 00 0001 'a' 0001 'b' }");
    const sent_frame f = c.take_session(WEFT_FLUSH);
    const meta_view<weft_mqtt_unsubscribe> m(f.block());
    ASSERT_TRUE(m);
    const auto patterns = m.list<weft_ref>(m->patterns);
    ASSERT_EQ(patterns.size(), 2u);
    EXPECT_EQ(m.text(patterns[1]), "b");
    provider_subacks(c, 11, 9, {0, 0x11});
    EXPECT_EQ(c.take_hex(), to_hex(hex("b0 { 0009 00 00 11 }")));
}

// [MQTT-3.9.3-1] [MQTT-3.8.4-6]
TEST_F(session_test, filters_without_a_route_are_refused_one_by_one) {
    route_config r = plain_route(exit_id);
    r.when = nlohmann::json::parse(
        R"([{"session": [{"client-id": "*"}], "subscribe": [{"topic": "ok/#"}]}])");
    config.routes = router({r});
    client c = connect_v5();
    c.send_hex("82 { 0001 00 0001 'x' 00 0004 'ok/1' 01 0001 'y' 00 }");
    const sent_frame f = c.take_session(WEFT_FLUSH);
    const meta_view<weft_mqtt_subscribe> m(f.block());
    ASSERT_EQ(m.list<weft_mqtt_filter>(m->filters).size(), 1u);
    EXPECT_EQ(c.take(), "");
    provider_subacks(c, 9, 1, {1});
    EXPECT_EQ(c.take_hex(), to_hex(hex("90 { 0001 00 87 01 87 }")));

    c.send_hex("82 { 0002 00 0001 'x' 00 }");
    EXPECT_EQ(c.take_hex(), to_hex(hex("90 { 0002 00 87 }")))
        << "nothing to ask the provider about";
}

TEST_F(session_test, requests_without_an_answer_are_bounded) {
    client c = connect_v5();
    std::string many;
    for (uint32_t i = 0; i < limits::requests_pending_max + 5; ++i)
        many += hex("82 { 0001 00 0001 'a' 00 }");
    c.send(many);
    size_t up = 0;
    for (; c.session_sent(WEFT_FLUSH); ++up) c.take_session(WEFT_FLUSH);
    EXPECT_EQ(up, limits::requests_pending_max);
    provider_subacks(c, 9, 1, {0});
    EXPECT_TRUE(c.session_sent(WEFT_FLUSH));
}

TEST_F(session_test, shutdown_says_goodbye) {
    client c = connect_v5(), d = connect_v4(), waiting = accept(), idle = accept();
    waiting.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'w' }");
    the_server().drain(WEFT_DRAIN_STOP, UINT64_MAX);
    host.end_turn();
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "8b");
    EXPECT_EQ(d.take(), "");
    EXPECT_EQ(to_hex(waiting.take().substr(3, 1)), "88");
    for (auto* x : {&c, &d, &waiting, &idle}) EXPECT_TRUE(x->ended() && x->net->closed);
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
    EXPECT_EQ(accept().net, nullptr);
}

TEST_F(session_test, is_small) {
    EXPECT_LE(sizeof(connection), 176u)
        << "idle sessions are the main cost; see architecture, budgets";
}

}  // namespace
}  // namespace weft::mqtt
