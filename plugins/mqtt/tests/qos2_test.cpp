// QoS 2 on the wire, both ways; packet ids and quotas of publishes.
#include "connection.hpp"
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

class qos2_test : public server_test {
public:
    qos2_test() { granted.qos_max = 2; }

    // The next mqtt.ack that went up, as "type id reason".
    std::string take_ack(client& c) {
        const sent_frame f = c.take_session(WEFT_FLUSH);
        const meta_view<weft_mqtt_ack> m(f.block());
        if (!m) return "none";
        return std::to_string(m->type) + " " + std::to_string(m->packet_id) + " " +
               std::to_string(m->reason);
    }
    const std::string publish_5 = "34 { 0001 'a' 0005 00 'x' }";
    const std::string publish_5_again = "3c { 0001 'a' 0005 00 'x' }";
};

// [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-4.3.3-12]
TEST_F(qos2_test, in_takes_four_packets) {
    client c = connect_v5();
    c.send_hex(publish_5);
    const sent_frame f = c.take_session(WEFT_DATA);
    const meta_view<weft_mqtt_publish> m(f.block());
    EXPECT_EQ(m->qos, 2);
    EXPECT_EQ(m->packet_id, 5);
    EXPECT_EQ(c.take(), "");
    provider_acks(c, 5, 5);
    EXPECT_EQ(c.take_hex(), "50 02 00 05");
    c.send_hex("62 02 0005");
    EXPECT_EQ(take_ack(c), "6 5 0");
    EXPECT_EQ(c.take(), "") << "PUBCOMP is the provider's to say";
    provider_acks(c, 7, 5);
    EXPECT_EQ(c.take_hex(), "70 02 00 05");
    c.send_hex(publish_5);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x") << "the id is free again";
}

TEST_F(qos2_test, in_with_v4_has_no_codes) {
    client c = connect_v4();
    c.send_hex("34 { 0001 'a' 0005 'x' }");
    provider_acks(c, 5, 5, 0x10);
    EXPECT_EQ(c.take_hex(), "50 02 00 05");
    c.send_hex("62 02 0005");
    provider_acks(c, 7, 5, 0x92);
    EXPECT_EQ(c.take_hex(), "70 02 00 05");
    EXPECT_FALSE(c.net->closed);
}

// [MQTT-4.3.3-10]
TEST_F(qos2_test, a_repeated_publish_is_answered_and_goes_up_once) {
    client c = connect_v5();
    c.send_hex(publish_5);
    c.take_session(WEFT_DATA);
    c.send_hex(publish_5_again);
    EXPECT_EQ(c.take(), "") << "the PUBREC that is due answers both";
    provider_acks(c, 5, 5);
    EXPECT_EQ(c.take_hex(), "50 02 00 05");
    for (char b : hex(publish_5_again)) c.send(std::string_view(&b, 1));
    EXPECT_EQ(c.take_hex(), "50 02 00 05");
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    c.send_hex("62 02 0005 62 02 0005");
    EXPECT_EQ(take_ack(c), "6 5 0");
    EXPECT_FALSE(c.session_sent(WEFT_FLUSH)) << "one PUBREL is enough for the provider";
    EXPECT_FALSE(c.net->closed);
}

// 3.1.1 [MQTT-4.3.3-2], whatever DUP says
TEST_F(qos2_test, a_repeated_publish_of_v4_is_answered) {
    client c = connect_v4();
    c.send_hex("34 { 0001 'a' 0005 'x' }");
    c.take_session(WEFT_DATA);
    provider_acks(c, 5, 5);
    c.take();
    c.send_hex("34 { 0001 'a' 0005 'x' }");
    EXPECT_EQ(c.take_hex(), "50 02 00 05");
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
}

TEST_F(qos2_test, packet_ids_in_use_are_refused) {
    client c = connect_v5();
    c.send_hex(publish_5 + " 32 { 0001 'a' 0006 00 'x' }");
    c.take_session(WEFT_DATA);
    c.take_session(WEFT_DATA);
    c.send_hex(publish_5 + " 32 { 0001 'a' 0005 00 'x' } 32 { 0001 'a' 0006 00 'x' } " +
               "3c { 0001 'a' 0006 00 'x' }");
    EXPECT_EQ(c.take_hex(), "50 03 00 05 91 40 03 00 05 91 40 03 00 06 91 50 03 00 06 91");
    provider_acks(c, 5, 5);
    c.take();
    c.send_hex(publish_5);
    EXPECT_EQ(c.take_hex(), "50 03 00 05 91") << "not sent again: DUP is 0";
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    EXPECT_FALSE(c.net->closed);

    client d = connect_v4();
    d.send_hex("32 { 0001 'a' 0006 'x' } 32 { 0001 'a' 0006 'x' }");
    EXPECT_TRUE(d.ended());
}

TEST_F(qos2_test, a_repeated_qos_1_publish_has_one_answer) {
    client c = connect_v4();
    c.send_hex("32 { 0001 'a' 0006 'x' } 3a { 0001 'a' 0006 'x' }");
    c.take_session(WEFT_DATA);
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    provider_acks(c, 4, 6);
    EXPECT_EQ(c.take_hex(), "40 02 00 06");
}

TEST_F(qos2_test, release_after_a_reconnect_is_the_providers_to_judge) {
    client c = connect_v5();
    c.send_hex("62 02 0009");
    EXPECT_EQ(take_ack(c), "6 9 0");
    provider_acks(c, 7, 9);
    EXPECT_EQ(c.take_hex(), "70 02 00 09");
    c.send_hex("62 02 0009");
    provider_acks(c, 7, 9, 0x92);
    EXPECT_EQ(c.take_hex(), "70 03 00 09 92");
}

TEST_F(qos2_test, a_release_before_its_receipt_is_a_protocol_error) {
    client c = connect_v5();
    c.send_hex(publish_5 + " 62 02 0005");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "82");
}

TEST_F(qos2_test, receive_maximum_counts_until_pubcomp_or_refusal) {
    granted.receive_max = 2;
    client c = connect_v5();
    const auto publish = [&](const char* id) {
        c.send_hex("34 { 0001 'a' " + std::string(id) + " 00 }");
    };
    for (int round = 0; round < 100; ++round) {
        publish("0001");
        publish("0002");
        provider_acks(c, 5, 1);
        provider_acks(c, 5, 2, 0x97);  // 4.9: a refusal frees
        publish("0003");
        provider_acks(c, 5, 3);
        c.send_hex("62 02 0001 62 02 0003 62 02 0009");
        for (const auto id : std::initializer_list<uint16_t>{1, 3, 9}) provider_acks(c, 7, id);
    }
    ASSERT_FALSE(c.net->closed) << "nothing leaks";
    publish("0001");
    publish("0002");
    provider_acks(c, 5, 1);
    c.send_hex("62 02 0009");  // of an earlier connection: no part of this quota
    provider_acks(c, 7, 9);
    ASSERT_FALSE(c.net->closed);
    c.take();
    publish("0003");
    EXPECT_EQ(to_hex(c.take().substr(2, 1)), "93");
}

TEST_F(qos2_test, v4_clients_are_held_but_may_always_release) {
    granted.receive_max = 2;
    client c = connect_v4();
    for (const char* id : {"0001", "0002", "0003"})
        c.send_hex("34 { 0001 'a' " + std::string(id) + " }");
    c.take_session(WEFT_DATA);
    c.take_session(WEFT_DATA);
    EXPECT_FALSE(c.session_sent(WEFT_DATA));
    provider_acks(c, 5, 1);
    EXPECT_TRUE(c.session_sent(WEFT_DATA));
    provider_acks(c, 5, 2);
    provider_acks(c, 5, 3);
    c.send_hex("62 02 0001 62 02 0002");
    EXPECT_EQ(take_ack(c), "6 1 0");
    EXPECT_EQ(take_ack(c), "6 2 0");
}

TEST_F(qos2_test, answers_that_are_not_due_are_the_exits_fault) {
    client c = connect_v5();
    c.send_hex(publish_5);
    for (const auto type : std::initializer_list<uint8_t>{4, 7}) provider_acks(c, type, 5);
    provider_acks(c, 4, 77);
    EXPECT_EQ(c.take(), "");
    EXPECT_EQ(host.event_ids.back(), "binding.mqtt.exit.fault");
    provider_acks(c, 5, 5);
    provider_acks(c, 5, 5);
    EXPECT_EQ(c.take_hex(), "50 02 00 05");
}

TEST_F(qos2_test, releases_without_an_answer_are_bounded) {
    client c = connect_v5();
    std::string many;
    for (uint32_t i = 1; i <= limits::requests_pending_max + 5; ++i) {
        many += hex("62 02");
        many += static_cast<char>(i >> 8);
        many += static_cast<char>(i);
    }
    c.send(many);
    size_t up = 0;
    for (; c.session_sent(WEFT_FLUSH); ++up) c.take_session(WEFT_FLUSH);
    EXPECT_EQ(up, limits::requests_pending_max);
    provider_acks(c, 7, 1);
    EXPECT_TRUE(c.session_sent(WEFT_FLUSH));
}

TEST_F(qos2_test, release_goes_where_the_publish_went) {
    route_config other = plain_route(9), first = plain_route(exit_id);
    other.when = nlohmann::json::parse(R"([{"publish": [{"topic": "far/#"}]}])");
    first.when = nlohmann::json::parse(
        R"([{"session": [{"client-id": "*"}], "publish": [{"topic": "near/#"}]}])");
    config.routes = router({first, other});
    client c = connect_v5();
    c.send_hex("34 { 0005 'far/1' 0001 00 'x' } 34 { 0006 'near/1' 0002 00 'x' }");
    client side{&host, c.net, host.opened.back()};
    provider_acks(side, 5, 1);
    provider_acks(c, 5, 2);
    c.send_hex("62 02 0001 62 02 0002");
    EXPECT_EQ(take_ack(side), "6 1 0");
    EXPECT_EQ(take_ack(c), "6 2 0");
}

TEST_F(qos2_test, out_takes_four_packets) {
    client c = connect_v5();
    deliver(c, "a", "x", 2, 7);
    EXPECT_EQ(c.take_hex(), to_hex(hex("34 { 0001 'a' 0007 00 'x' }")));
    c.send_hex("50 02 0007");
    EXPECT_EQ(take_ack(c), "5 7 0");
    provider_acks(c, 6, 7);
    EXPECT_EQ(c.take_hex(), "62 02 00 07");
    c.send_hex("70 02 0007");
    EXPECT_EQ(take_ack(c), "7 7 0");
}

TEST_F(qos2_test, out_refused_or_unknown) {
    client c = connect_v5();
    deliver(c, "a", "x", 2, 7);
    c.take();
    c.send_hex("50 03 0007 83");
    EXPECT_EQ(take_ack(c), "5 7 131");
    c.send_hex("50 02 0063");
    EXPECT_EQ(take_ack(c), "5 99 0");
    provider_acks(c, 6, 99, 0x92);
    EXPECT_EQ(c.take_hex(), "62 03 00 63 92");
    c.send_hex("70 03 0063 92");
    EXPECT_EQ(take_ack(c), "7 99 146");
    client d = connect_v4();
    provider_acks(d, 6, 99, 0x92);
    EXPECT_EQ(d.take_hex(), "62 02 00 63");
}

TEST(inflight_table, keeps_what_is_put_in) {
    inflight t;
    std::vector<bool> in(65'536);
    uint32_t random = 1, count = 0;
    for (int i = 0; i < 300'000; ++i) {
        random = random * 1'664'525 + 1'013'904'223;
        const auto id = static_cast<uint16_t>((random >> 16) % 3'000 * 21 + 1);
        auto* e = t.find(id);
        ASSERT_EQ(e != nullptr, in[id]);
        if (e) {
            t.remove(*e);
            --count;
        } else {
            t.add(id, publish_state::sent_2, 0);
            ++count;
        }
        in[id] = !in[id];
        ASSERT_EQ(t.quota_used(), count);
    }
    for (uint32_t id = 1; id < 65'536; ++id)
        if (auto* e = t.find(static_cast<uint16_t>(id))) t.remove(*e);
    EXPECT_EQ(t.quota_used(), 0u);
    EXPECT_EQ(t.unanswered(), 0u);
}

}  // namespace
}  // namespace weft::mqtt
