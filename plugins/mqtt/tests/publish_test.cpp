// PUBLISH from the client: metadata, credit, fragments, refusals, acknowledgements.
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

using publish_test = server_test;

TEST_F(publish_test, goes_up_with_all_its_properties) {
    client c = connect_v5();
    c.send_hex(
        "3b { 0003 'a/b' 0005 { 01 01 02 0000000a 03 0002 'ct' 08 0003 'r/1' 09 0002 0102 26 0001 "
        "'k' 0001 'v' 26 0001 'k' 0002 'v2' } 'hi' }");
    const sent_frame f = c.take_session(WEFT_DATA);
    EXPECT_EQ(f.flags, WEFT_INIT | WEFT_FIN);
    EXPECT_EQ(f.payload, "hi");
    const meta_view<weft_mqtt_publish> m(f.block());
    ASSERT_TRUE(m);
    EXPECT_EQ(m->qos, 1);
    EXPECT_EQ(m->packet_id, 5);
    EXPECT_EQ(m->flags, WEFT_MQTT_RETAIN | WEFT_MQTT_DUP | WEFT_MQTT_HAS_EXPIRY);
    EXPECT_EQ(m->format, WEFT_MQTT_FORMAT_TEXT);
    EXPECT_EQ(m->expiry_s, 10u);
    EXPECT_EQ(m->deferred, 0u);
    EXPECT_EQ(m.text(m->topic), "a/b");
    EXPECT_EQ(m.text(m->content_type), "ct");
    EXPECT_EQ(m.text(m->response_topic), "r/1");
    EXPECT_EQ(m.text(m->correlation), hex("0102"));
    const auto users = m.list<weft_pair>(m->properties);
    ASSERT_EQ(users.size(), 2u);
    EXPECT_EQ(m.text(users[0].name), "k");
    EXPECT_EQ(m.text(users[1].value), "v2");
    EXPECT_EQ(host.cells["mqtt.publish.received"], 1u);
}

TEST_F(publish_test, absent_properties_are_null) {
    client c = connect_v4();
    c.send_hex("30 { 0001 'a' }");
    const sent_frame f = c.take_session(WEFT_DATA);
    const meta_view<weft_mqtt_publish> m(f.block());
    EXPECT_EQ(f.payload, "");
    EXPECT_EQ(m->format, WEFT_MQTT_FORMAT_NONE);
    EXPECT_FALSE(m.has(m->content_type) || m.has(m->response_topic) || m.has(m->correlation) ||
                 m.has(m->properties));
}

// [MQTT-4.3.2-4] [MQTT-3.3.4-1] 3.1.1 [MQTT-4.3.2-2]
TEST_F(publish_test, acknowledgements_come_down) {
    client c = connect_v5();
    c.send_hex("32 { 0001 'a' 0005 00 'hi' } 32 { 0001 'a' 0006 00 'ho' }");
    provider_acks(c, 4, 6);
    EXPECT_EQ(c.take_hex(), "40 02 00 06");
    provider_acks(c, 4, 5, 0x97, "full");
    EXPECT_EQ(c.take_hex(), to_hex(hex("40 { 0005 97 { 1f 0004 'full' } }")));
}

// [MQTT-3.1.2-29]
TEST_F(publish_test, reason_strings_only_for_who_wants_them) {
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 17 00 } 0001 'c' }");
    c.send_hex("32 { 0001 'a' 0005 00 'hi' }");
    provider_acks(c, 4, 5, 0x97, "full");
    EXPECT_EQ(c.take_hex(), "40 03 00 05 97");
}

// [MQTT-3.4.2-2]
TEST_F(publish_test, reason_strings_never_exceed_the_clients_packet_size) {
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 27 00000040 } 0001 'c' }");
    c.send_hex("32 { 0001 'a' 0005 00 'hi' }");
    provider_acks(c, 4, 5, 0x97, std::string(100, 'x'));
    EXPECT_EQ(c.take_hex(), "40 03 00 05 97");
}

// 3.1.1 [MQTT-3.3.5-2]
TEST_F(publish_test, v4_has_no_failed_acknowledgement) {
    client c = connect_v4();
    c.send_hex("32 { 0001 'a' 0005 'hi' }");
    provider_acks(c, 4, 5, 0x97);
    EXPECT_EQ(c.take(), "");
    EXPECT_TRUE(c.ended());
}

// [MQTT-3.3.4-7]
TEST_F(publish_test, receive_maximum_is_enforced) {
    granted.receive_max = 2;
    client c = connect_v5();
    c.send_hex("32 { 0001 'a' 0001 00 } 32 { 0001 'a' 0002 00 }");
    provider_acks(c, 4, 1);
    c.send_hex("32 { 0001 'a' 0003 00 }");
    EXPECT_FALSE(c.net->closed);
    c.take();
    c.send_hex("32 { 0001 'a' 0004 00 }");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "93");
}

TEST_F(publish_test, v4_clients_are_held_instead) {
    granted.receive_max = 2;
    client c = connect_v4();
    c.send_hex("32 { 0001 'a' 0001 } 32 { 0001 'a' 0002 } 32 { 0001 'a' 0003 }");
    c.take_session(WEFT_DATA);
    c.take_session(WEFT_DATA);
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    provider_acks(c, 4, 1);
    EXPECT_TRUE(c.session_sent(WEFT_DATA));
}

// [MQTT-3.3.2-7]
TEST_F(publish_test, topic_aliases_belong_to_the_connection) {
    client c = connect_v5();
    c.send_hex(
        "30 { 0001 'a' { 23 0001 } '1' } 30 { 0000 { 23 0001 } '2' } 30 { 0001 'b' { 23 0001 } '3' "
        "} 30 { 0000 { 23 0001 } '4' }");
    std::string topics;
    for (int i = 0; i < 4; ++i) {
        const sent_frame f = c.take_session(WEFT_DATA);
        const meta_view<weft_mqtt_publish> m(f.block());
        topics += m.text(m->topic);
    }
    EXPECT_EQ(topics, "aabb");
    client d = connect_v5();
    d.send_hex("30 { 0000 { 23 0001 } }");
    EXPECT_EQ(to_hex(d.take().substr(2, 1)), "82");
}

TEST_F(publish_test, publishes_without_credit_wait_and_pings_do_not) {
    client c = connect_v5(0);
    c.send_hex(
        "32 { 0001 'a' 0001 00 'one' } c0 00 32 { 0001 'a' 0002 00 'two' } 40 02 0009 c0 00");
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    EXPECT_EQ(c.take_hex(), "d0 00 d0 00");
    EXPECT_EQ(c.take_session(WEFT_FLUSH).block()->type, WEFT_META_MQTT_ACK)
        << "acknowledgements never wait behind data";
    host.grant(c.session, 10, 5);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "one");
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    host.grant(c.session, 100, 5);
    const sent_frame f = c.take_session(WEFT_DATA);
    EXPECT_EQ(f.payload, "two");
    EXPECT_EQ(f.reserved, 8u);
    EXPECT_EQ(meta_view<weft_mqtt_publish>(f.block())->packet_id, 2);
}

TEST_F(publish_test, order_is_kept_when_a_small_one_would_fit_past_a_waiting_one) {
    client c = connect_v5(10);
    c.send(hex("30 { 0001 'a' 00 '12345678901' } 30 { 0001 'a' 00 'x' }"));
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    host.grant(c.session, 100);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "12345678901");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
}

TEST_F(publish_test, disconnect_waits_for_the_publishes_before_it) {
    client c = connect_v5(0);
    c.send_hex("30 { 0001 'a' 00 'last' } e0 00");
    host.deliver_bare(c.net, WEFT_END);
    EXPECT_FALSE(c.session_sent(WEFT_END));
    host.grant(c.session, 100);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "last");
    EXPECT_TRUE(c.session_sent(WEFT_END));
    EXPECT_FALSE(c.session_sent(WEFT_ABORT));
    EXPECT_TRUE(c.net->closed);
}

TEST_F(publish_test, reading_stops_when_enough_waits) {
    client c = connect_v5(0);
    const std::string one = hex("30 { 0001 'a' 00") + std::string(1'000, 'x');
    std::string raw = hex("0001 'a' 00") + std::string(1'000, 'x');
    raw = std::string(1, 0x30) + with_length(raw);
    size_t sent = 0;
    while (c.net->received + raw.size() <= c.net->window_limit && sent < 1'000) {
        c.send(raw);
        ++sent;
    }
    EXPECT_LT(sent, 200u) << "the client is held by the network's credit";
    EXPECT_GE(sent * raw.size(), limits::waiting_bytes_max);

    // Silence of a client that is not read is no silence.
    host.advance_ms(1'000'000);
    EXPECT_FALSE(c.net->closed);

    size_t up = 0;
    for (int i = 0; i < 1'000 && up < sent; ++i) {
        host.grant(c.session, 5'000);
        while (c.session_sent(WEFT_DATA)) {
            EXPECT_EQ(c.take_session(WEFT_DATA).payload.size(), 1'000u);
            ++up;
        }
    }
    EXPECT_EQ(up, sent);
    EXPECT_LE(c.net->received + raw.size(), c.net->window_limit) << "and goes on";
    host.advance_ms(89'000);
    EXPECT_FALSE(c.net->closed);
    host.advance_ms(2'000);
    EXPECT_TRUE(c.net->closed) << "keep alive counts again";
}

TEST_F(publish_test, a_small_payload_in_pieces_goes_up_whole) {
    client c = connect_v5();
    for (char b : hex("32 { 0001 'a' 0001 00 'hello' }")) c.send(std::string_view(&b, 1));
    const sent_frame f = c.take_session(WEFT_DATA);
    EXPECT_EQ(f.flags, WEFT_INIT | WEFT_FIN);
    EXPECT_EQ(f.payload, "hello");
}

std::string large_publish(size_t payload) {
    std::string p(payload, ' ');
    for (size_t i = 0; i < payload; ++i) p[i] = static_cast<char>('a' + i % 26);
    return std::string(1, 0x30) + with_length(hex("0001 'a' 00") + p);
}

// Feeds `raw` in pieces, grants session credit in steps, and returns the message that went up.
std::string stream_up(server_test::client& c, std::string_view raw, size_t piece, uint32_t credit) {
    std::string got;
    uint64_t announced = 0;
    bool begun = false, finished = false;
    const auto drain = [&] {
        while (c.session_sent(WEFT_DATA)) {
            const sent_frame f = c.take_session(WEFT_DATA);
            EXPECT_EQ((f.flags & WEFT_INIT) != 0, !begun);
            EXPECT_FALSE(finished);
            if (!begun)
                announced = f.payload.size() + meta_view<weft_mqtt_publish>(f.block())->deferred;
            begun = true;
            finished = (f.flags & WEFT_FIN) != 0;
            got += f.payload;
        }
    };
    for (int i = 0; i < 100'000 && !finished; ++i) {
        const size_t n = std::min(
            {piece, raw.size(), static_cast<size_t>(c.net->window_limit - c.net->received)});
        if (n != 0) c.send(raw.substr(0, n));
        raw.remove_prefix(n);
        if (credit != 0) c.host->grant(c.session, credit, 16);
        drain();
    }
    EXPECT_TRUE(finished);
    EXPECT_EQ(announced, got.size());
    return got;
}

TEST_F(publish_test, large_payloads_stream_in_any_pieces) {
    const std::string raw = large_publish(200'000);
    for (size_t piece : {97u, 1'500u, 5'000u, 60'000u})
        for (uint32_t credit : {3'000u, 40'000u}) {
            client c = connect_v5(0);
            const std::string got = stream_up(c, raw, piece, credit);
            EXPECT_EQ(got.size(), 200'000u);
            EXPECT_TRUE(got == raw.substr(raw.size() - 200'000)) << piece << " " << credit;
        }
}

TEST_F(publish_test, a_payload_beyond_the_credit_goes_in_fragments) {
    client c = connect_v5(0);
    const std::string raw = large_publish(10'000);
    c.send(raw);
    host.grant(c.session, limits::fragment_bytes_min - 1, 0);
    EXPECT_FALSE(c.session_sent(WEFT_DATA)) << "not for crumbs";
    host.grant(c.session, 4'000);
    sent_frame f = c.take_session(WEFT_DATA);
    EXPECT_EQ(f.flags, WEFT_INIT);
    EXPECT_EQ(meta_view<weft_mqtt_publish>(f.block())->deferred, 10'000u - f.payload.size());
    host.grant(c.session, 20'000);
    f = c.take_session(WEFT_DATA);
    EXPECT_EQ(f.flags, WEFT_FIN);
    EXPECT_EQ(f.block(), nullptr);
}

TEST_F(publish_test, a_connection_lost_in_a_payload_aborts_the_session) {
    client c = connect_v5();
    const std::string raw = large_publish(100'000);
    c.send(raw.substr(0, 50'000));
    EXPECT_EQ(c.take_session(WEFT_DATA).flags, WEFT_INIT);
    host.deliver_bare(c.net, WEFT_END);
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
}

TEST_F(publish_test, text_that_is_not_utf8_is_refused) {
    client c = connect_v5();
    c.send_hex("32 { 0001 'a' 0005 { 01 01 } c3a9 } 32 { 0001 'a' 0006 { 01 01 } c3 }");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, hex("c3a9"));
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    EXPECT_EQ(c.take_hex(), "40 03 00 06 99");
    for (char b : hex("32 { 0001 'a' 0007 { 01 01 } 'abc' ff 'def' } c0 00"))
        c.send(std::string_view(&b, 1));
    EXPECT_EQ(c.take_hex(), "40 03 00 07 99 d0 00")
        << "in pieces as well, and the rest of the payload is skipped";
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    c.send_hex("30 { 0001 'a' { 01 01 } c3 }");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "99") << "QoS 0 has no other answer";
}

TEST_F(publish_test, text_is_checked_while_it_streams) {
    client c = connect_v5();
    std::string payload(50'000, 'x');
    payload[40'000] = '\xff';
    const std::string raw = std::string(1, 0x30) + with_length(hex("0001 'a' { 01 01 }") + payload);
    c.send(raw.substr(0, 30'000));
    EXPECT_EQ(c.take_session(WEFT_DATA).flags, WEFT_INIT);
    c.send(raw.substr(30'000));
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "99");
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
}

TEST_F(publish_test, no_route_refuses_the_message_not_the_client) {
    route_config r = plain_route(exit_id);
    r.when = nlohmann::json::parse(
        R"([{"session": [{"client-id": "*"}], "publish": [{"topic": "ok/#"}]}])");
    config.routes = router({r});
    client c = connect_v5();
    c.send_hex(
        "32 { 0001 'a' 0005 00 'hi' } 30 { 0001 'a' 00 'hi' } 32 { 0004 'ok/1' 0006 00 'yes' }");
    EXPECT_EQ(c.take_hex(), "40 03 00 05 87");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "yes");
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    EXPECT_EQ(host.cells["mqtt.publish.refused"], 2u);
    const std::string raw = large_publish(100'000);
    c.send(raw.substr(0, 40'000));
    c.send(raw.substr(40'000, 50'000));
    c.send(raw.substr(90'000) + hex("c0 00"));
    EXPECT_EQ(c.take_hex(), "d0 00") << "a refused payload is skipped";

    client d = connect_v4();
    d.send_hex("32 { 0001 'a' 0005 'hi' }");
    EXPECT_TRUE(d.ended());
}

// [MQTT-3.2.2-14]
TEST_F(publish_test, retain_is_refused_where_it_is_not_available) {
    granted.capabilities = 0;
    client c = connect_v5();
    c.send_hex("31 { 0001 'a' 00 'hi' }");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "9a");
}

TEST_F(publish_test, routes_may_send_publishes_to_other_exits) {
    route_config other = plain_route(9);
    other.when = nlohmann::json::parse(R"([{"publish": [{"topic": "far/#"}]}])");
    route_config first = plain_route(exit_id);
    first.when = nlohmann::json::parse(
        R"([{"session": [{"client-id": "*"}], "publish": [{"topic": "near/#"}]}])");
    config.routes = router({first, other});
    client c = connect_v5();
    c.send_hex(
        "32 { 0005 'far/1' 0001 00 'one' } 32 { 0006 'near/1' 0002 00 'two' } 32 { 0005 'far/2' "
        "0003 00 'three' }");
    ASSERT_EQ(host.opened.size(), 2u);
    client side{&host, c.net, host.opened.back()};
    EXPECT_EQ(side.session->exit, 9u);
    EXPECT_FALSE(c.session_sent(WEFT_DATA)) << "order of the client's publishes is kept";
    host.grant(side.session, 1'000);
    EXPECT_EQ(side.take_session(WEFT_DATA).payload, "one");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "two");
    EXPECT_EQ(side.take_session(WEFT_DATA).payload, "three");
    provider_acks(side, 4, 1);
    provider_acks(c, 4, 2);
    EXPECT_EQ(c.take_hex(), "40 02 00 01 40 02 00 02");
    c.send_hex("e0 00");
    EXPECT_TRUE(c.session_sent(WEFT_END) && side.session_sent(WEFT_END));
    EXPECT_TRUE(c.session->closed && side.session->closed && c.net->closed);
}

TEST_F(publish_test, an_exit_for_publishes_that_ends_takes_the_client_with_it) {
    route_config other = plain_route(9), first = plain_route(exit_id);
    other.when = nlohmann::json::parse(
        R"([{"publish": [{"topic": "far/#"}], "subscribe": [{"topic": "far/#"}]}])");
    first.when = nlohmann::json::parse(
        R"([{"session": [{"client-id": "*"}], "publish": [{"topic": "near/#"}]}])");
    config.routes = router({first, other});
    client c = connect_v5();
    c.send_hex("82 { 0001 00 0005 'far/1' 01 }");
    EXPECT_EQ(c.take_hex(), to_hex(hex("90 { 0001 00 83 }"))) << "deliveries come from one exit";
    c.send_hex("30 { 0005 'far/1' 00 'one' }");
    client side{&host, c.net, host.opened.back()};
    provider_ends(side, WEFT_RESET, 0x89, "busy");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "89");
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
    EXPECT_TRUE(c.session->closed && side.session->closed && c.net->closed);
}

TEST_F(publish_test, memory_running_out_costs_one_client) {
    client c = connect_v5(0), d = connect_v5();
    const std::string raw = hex("30 { 0001 'a' 00 'hi' }");
    const weft_slice slice{nullptr, as_bytes(raw).data(), static_cast<uint32_t>(raw.size()), 0};
    const weft_data data{{sizeof data, WEFT_DATA, 0, 0, 0, nullptr}, 0, 0, slice.len, 1, &slice};
    host.out_of_memory = true;
    host.deliver(c.net, data.h);
    host.out_of_memory = false;
    EXPECT_TRUE(c.net->closed);
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
    EXPECT_FALSE(d.net->closed);
}

}  // namespace
}  // namespace weft::mqtt
