// Deliveries to the client: encoding, batching, credit, the client's maximum packet size.
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

using deliver_test = server_test;

TEST_F(deliver_test, publishes_come_down_with_all_their_properties) {
    client c = connect_v5();
    meta_writer<weft_mqtt_publish> m;
    m->qos = 1;
    m->packet_id = 9;
    m->flags = WEFT_MQTT_RETAIN | WEFT_MQTT_DUP | WEFT_MQTT_HAS_EXPIRY;
    m->format = WEFT_MQTT_FORMAT_TEXT;
    m->expiry_s = 10;
    m->topic = m.text("a/b");
    m->content_type = m.text("ct");
    m->response_topic = m.text("r/1");
    m->correlation = m.text(hex("0102"));
    const uint32_t ids[] = {1, 300};
    m->subscription_ids = m.list_of<uint32_t>(ids);
    const weft_ref list = m.list<weft_pair>(2);
    for (size_t i = 0; i < 2; ++i) {
        const weft_ref name = m.text("k"), value = m.text(i == 0 ? "v" : "");
        m.item<weft_pair>(list, i) = {name, value};
    }
    m->properties = list;
    host.deliver_bytes(c.session, "hi", m.get());
    EXPECT_EQ(c.take_hex(), to_hex(hex("3b { 0003 'a/b' 0009 { 01 01 02 0000000a 03 0002 'ct' 08 "
                                       "0003 'r/1' 09 0002 0102 0b 01 0b ac02 "
                                       "26 0001 'k' 0001 'v' 26 0001 'k' 0000 } 'hi' }")));
    c.send_hex("40 { 0009 10 }");
    const sent_frame f = c.take_session(WEFT_FLUSH);
    const meta_view<weft_mqtt_ack> ack(f.block());
    ASSERT_TRUE(ack);
    EXPECT_EQ(ack->type, 4);
    EXPECT_EQ(ack->packet_id, 9);
    EXPECT_EQ(ack->reason, 0x10);
}

TEST_F(deliver_test, v4_gets_no_properties) {
    client c = connect_v4();
    meta_writer<weft_mqtt_publish> m;
    m->format = WEFT_MQTT_FORMAT_TEXT;
    m->topic = m.text("a");
    m->content_type = m.text("ct");
    host.deliver_bytes(c.session, "hi", m.get());
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 0001 'a' 'hi' }")));
}

TEST_F(deliver_test, large_payloads_are_not_copied_and_come_whole) {
    client c = connect_v4();
    const std::string payload(20'000, 'x');
    deliver(c, "a", payload);
    EXPECT_EQ(c.take(), std::string(1, 0x30) + with_length(hex("0001 'a'") + payload));
}

TEST_F(deliver_test, a_slow_client_holds_back_the_provider) {
    client c = connect_v4();
    c.net->credit = 0;
    std::string expected;
    size_t count = 0;
    while (c.session->received + 1'000 + c.session->window_padding <= c.session->window_limit &&
           count < 1'000) {
        const std::string payload(1'000, static_cast<char>('a' + count % 26));
        deliver(c, "a", payload);
        expected += std::string(1, 0x30) + with_length(hex("0001 'a'") + payload);
        ++count;
    }
    EXPECT_LE(count * 1'000, limits::delivery_window_bytes);
    EXPECT_EQ(c.take(), "");
    std::string got;
    for (int i = 0; i < 1'000 && got.size() < expected.size(); ++i) {
        host.grant(c.net, 777, 10);
        got += c.take();
    }
    EXPECT_TRUE(got == expected);
    EXPECT_GE(c.session->window_limit - c.session->received, 1'000u)
        << "credit returns once all is sent";
}

TEST_F(deliver_test, empty_messages_spend_credit_as_well) {
    client c = connect_v4();
    c.net->credit = 0;
    size_t count = 0;
    while (c.session->received + c.session->window_padding <= c.session->window_limit &&
           count < 100'000) {
        deliver(c, "a", "");
        ++count;
    }
    EXPECT_LE(count, limits::delivery_window_bytes / limits::delivery_padding);
}

// [MQTT-3.1.2-24] [MQTT-3.1.2-25]
TEST_F(deliver_test, packets_above_the_clients_maximum_are_dropped_as_if_sent) {
    client c = connect("10 { 0004 'MQTT' 05 02 003c { 27 00000020 } 0001 'c' }");
    deliver(c, "a", std::string(40, 'x'), 1, 5);
    EXPECT_EQ(c.take(), "");
    const sent_frame f = c.take_session(WEFT_FLUSH);
    const meta_view<weft_mqtt_ack> ack(f.block());
    EXPECT_EQ(ack->type, 4);
    EXPECT_EQ(ack->packet_id, 5);
    EXPECT_EQ(ack->reason, 0x95);
    deliver(c, "a", std::string(40, 'x'), 0, 0, WEFT_INIT, 10);
    deliver(c, "a", std::string(10, 'x'), 0, 0, WEFT_FIN);
    deliver(c, "a", "ok");
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 0001 'a' 00 'ok' }")));
    EXPECT_EQ(host.cells["mqtt.deliveries.dropped"], 2u);
    EXPECT_EQ(host.cells["mqtt.publish.sent"], 1u);
}

TEST_F(deliver_test, what_no_packet_can_hold_is_dropped) {
    client c = connect_v5();
    deliver(c, std::string(70'000, 't'), "x", 1, 5);
    deliver(c, "a", "x", 3, 6);
    deliver(c, "a", "x", 0, 0, WEFT_INIT, 0xffffffff);
    deliver(c, "a", "rest", 0, 0, WEFT_FIN);
    EXPECT_EQ(c.take(), "");
    deliver(c, "a", "ok");
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 0001 'a' 00 'ok' }")));
    EXPECT_EQ(host.cells["mqtt.deliveries.dropped"], 3u);
}

TEST_F(deliver_test, answers_wait_for_the_end_of_a_delivery_in_pieces) {
    client c = connect_v5();
    deliver(c, "a", "first ", 0, 0, WEFT_INIT, 10);
    c.send_hex("c0 00 32 { 0001 'a' 0005 00 'hi' }");
    provider_acks(c, 4, 5);
    host.deliver_bytes(c.session, "and ", nullptr, 0);
    host.deliver_bytes(c.session, "second", nullptr, WEFT_FIN);
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 0001 'a' 00 'first and second' } d0 00 40 02 0005")));
}

TEST_F(deliver_test, a_delivery_that_breaks_off_ends_the_connection) {
    client c = connect_v5();
    deliver(c, "a", "first ", 0, 0, WEFT_INIT, 10);
    host.deliver_bytes(c.session, "and", nullptr, WEFT_FIN | WEFT_INCOMPLETE);
    EXPECT_TRUE(c.ended());
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 0001 'a' 00 'first and second' }").substr(0, 15)))
        << "no DISCONNECT inside a packet";
}

TEST_F(deliver_test, a_client_that_does_not_read_answers_is_not_read) {
    client c = connect_v5();
    c.net->credit = 0;
    std::string pings;
    for (int i = 0; i < 500; ++i) pings += hex("c0 00");
    size_t sent = 0;
    while (c.net->received + pings.size() <= c.net->window_limit && sent < 1'000) {
        c.send(pings);
        ++sent;
    }
    EXPECT_LT(sent, 200u);
    size_t got = 0;
    for (int i = 0; i < 1'000; ++i) {
        host.grant(c.net, 5'000);
        got += c.take().size();
    }
    EXPECT_EQ(got, sent * pings.size());
}

TEST_F(deliver_test, one_turn_is_one_write) {
    client c = connect_v4();
    const auto b = [&](std::string_view topic) {
        meta_writer<weft_mqtt_publish> m;
        m->topic = m.text(topic);
        m->format = WEFT_MQTT_FORMAT_NONE;
        c.session->received += c.session->window_padding;
        const weft_data d{{sizeof d, WEFT_DATA, WEFT_INIT | WEFT_FIN, 0, 0, m.get()},
                          0,
                          0,
                          c.session->window_padding,
                          0,
                          nullptr};
        c.session->vt->on_frame(c.session->self, c.session, &d.h);
    };
    b("a");
    b("b");
    b("c");
    EXPECT_FALSE(client::saw(c.net, WEFT_DATA));
    host.end_turn();
    size_t frames = 0;
    for (const auto& f : c.net->sent) frames += f.kind == WEFT_DATA;
    EXPECT_EQ(frames, 1u);
    EXPECT_EQ(c.take_hex(), to_hex(hex("30 { 0001 'a' } 30 { 0001 'b' } 30 { 0001 'c' }")));
}

}  // namespace
}  // namespace weft::mqtt
