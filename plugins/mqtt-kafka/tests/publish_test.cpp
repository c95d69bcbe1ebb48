// Publishes on their way to Kafka: what is written, when it is acknowledged, what holds clients
// back.
#include "tests/world.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

struct publish_test : world {
    std::vector<std::string> values(const std::string& topic) {
        std::vector<std::string> out;
        for (const auto& r : kafka().records(topic)) out.push_back(r.value.value_or("<null>"));
        return out;
    }
};

TEST_F(publish_test, a_routed_record_with_its_headers) {
    start();
    auto& c = connect("client-1");
    publish(c, "device/1", "hi", 7);
    ASSERT_EQ(c.acks.size(), 1u);
    EXPECT_EQ(c.acks[0].packet_id, 7);
    EXPECT_EQ(c.acks[0].reason, 0);
    const auto records = kafka().records("mqtt-devices");
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].key, "device/1");
    EXPECT_EQ(records[0].value, "hi");
    EXPECT_THAT(records[0].headers,
                ElementsAre(Pair("zilla:filter", "device"), Pair("zilla:filter", "1"),
                            Pair("zilla:local", "client-1"), Pair("zilla:qos", "1")));
    publish(c, "device", "x", 8);
    EXPECT_THAT(values("mqtt-messages"), ElementsAre("x"));
}

TEST_F(publish_test, no_acknowledgement_before_kafkas) {
    start([](fake_kafka& k) { k.answers = false; });
    auto& c = connect("one");
    publish(c, "a", "x", 1);
    publish(c, "a", "y", 2, {.retain = true});
    EXPECT_TRUE(c.acks.empty());
    in_kafka([](fake_kafka& k) { k.answer_all(); });  // x, and the retained copy of y
    ASSERT_EQ(c.acks.size(), 1u);
    EXPECT_EQ(c.acks[0].packet_id, 1);
    in_kafka([](fake_kafka& k) { k.answer_all(); });
    EXPECT_EQ(c.acks.size(), 2u);
}

TEST_F(publish_test, qos_0_is_written_and_not_answered) {
    start();
    auto& c = connect("one");
    publish(c, "a", "x", 0, {.qos = 0});
    EXPECT_THAT(values("mqtt-messages"), ElementsAre("x"));
    EXPECT_TRUE(c.acks.empty());
}

TEST_F(publish_test, an_identity_decides_the_partition) {
    start([](fake_kafka& k) { k.topic("mqtt-messages").partitions.resize(7); });
    auto& c = connect("one");
    for (const auto* topic : {"place/client-2/a", "place/client-2/b/c", "place/client-2/d"})
        publish(c, topic, "x");
    EXPECT_EQ(kafka().records("mqtt-messages", 709143655 % 7).size(), 3u);
}

TEST_F(publish_test, retained_goes_to_both_topics_in_order) {
    start([](fake_kafka& k) { k.answers = false; });
    auto& c = connect("one");
    publish(c, "a", "1", 1, {.retain = true});
    publish(c, "a", "2", 2);
    publish(c, "a", "3", 3, {.retain = true});
    publish(c, "b", "other", 4);
    EXPECT_THAT(values("mqtt-retained"), ElementsAre("1"));
    EXPECT_THAT(values("mqtt-messages"), ElementsAre("other"));  // nothing of topic a overtakes
    in_kafka([](fake_kafka& k) { k.answers = true, k.answer_all(); });
    EXPECT_THAT(values("mqtt-retained"), ElementsAre("1", "3"));
    EXPECT_THAT(values("mqtt-messages"), ElementsAre("other", "1", "2", "3"));
    EXPECT_EQ(c.acks.size(), 4u);
    const auto message = kafka().records("mqtt-messages")[1],
               copy = kafka().records("mqtt-retained")[0];
    EXPECT_EQ(message.timestamp_ms, copy.timestamp_ms);
    EXPECT_THAT(message.headers, ElementsAre(Pair("zilla:filter", "a"), Pair("zilla:local", "one"),
                                             Pair("zilla:retain", "1"), Pair("zilla:qos", "1")));
    EXPECT_THAT(copy.headers, ElementsAre(Pair("zilla:filter", "a"), Pair("zilla:local", "one"),
                                          Pair("zilla:qos", "1")));
}

TEST_F(publish_test, clearing_writes_a_tombstone_and_an_empty_message) {
    start();
    auto& c = connect("one");
    publish(c, "a", "", 1, {.retain = true});
    EXPECT_EQ(kafka().records("mqtt-retained")[0].value, std::nullopt);
    EXPECT_EQ(kafka().records("mqtt-messages")[0].value, "");
    EXPECT_EQ(c.acks.size(), 1u);
}

TEST_F(publish_test, a_failing_retained_copy_fails_the_publish_and_not_those_behind_it) {
    start([](fake_kafka& k) {
        k.answers = false, k.error_topic = "mqtt-retained", k.produce_error = 87;
    });
    auto& c = connect("one");
    publish(c, "a", "1", 1, {.retain = true});
    publish(c, "a", "2", 2);
    in_kafka([](fake_kafka& k) { k.answers = true, k.answer_all(); });
    ASSERT_EQ(c.acks.size(), 2u);
    EXPECT_EQ(c.acks[0].packet_id, 1);
    EXPECT_EQ(c.acks[0].reason, 0x83);
    EXPECT_EQ(c.acks[1].reason, 0);
    EXPECT_THAT(values("mqtt-messages"), ElementsAre("2"));
}

TEST_F(publish_test, a_missing_topic_is_named) {
    start([](fake_kafka& k) { k.topic("mqtt-devices").exists = false; });
    auto& c = connect("one");
    publish(c, "device/1", "x", 5);
    ASSERT_EQ(c.acks.size(), 1u);
    EXPECT_EQ(c.acks[0].reason, 0x83);
    EXPECT_EQ(c.acks[0].text, "Kafka topic 'mqtt-devices' does not exist");
    publish(c, "device/1", "x", 0, {.qos = 0});
    EXPECT_EQ(metric_value("mqtt.kafka.publishes.failed"), 2u);
    until([&] { return logged("binding.mqtt.kafka.topic.missing", "mqtt-devices"); });
    in_kafka([](fake_kafka& k) {
        k.topic("mqtt-devices").exists = true;
        k.tell_status();
    });
    publish(c, "device/1", "x", 6);
    EXPECT_EQ(c.acks.back().reason, 0);
}

TEST_F(publish_test, errors_of_kafka_have_their_reasons) {
    start([](fake_kafka& k) { k.error_topic = "mqtt-messages"; });
    auto& c = connect("one");
    for (const auto& [error, code] :
         std::vector<std::pair<int32_t, uint8_t>>{{10, 0x97}, {29, 0x87}, {3, 0x83}, {-1, 0x83}}) {
        in_kafka([&](fake_kafka& k) { k.produce_error = error; });
        publish(c, "a", "x", 1);
        EXPECT_EQ(c.acks.back().reason, code) << error;
    }
}

TEST_F(publish_test, no_route_is_not_authorized) {
    routes =
        nlohmann::json::parse(R"([{"when":[{"publish":[{"topic":"a/#"}]}],"with":null,"exit":3}])");
    start();
    auto& c = connect("one");
    publish(c, "b", "x", 1);
    EXPECT_EQ(c.acks.at(0).reason, 0x87);
    publish(c, "a/" + std::string(2 * levels_max, '/'), "x", 2);
    EXPECT_EQ(c.acks.at(1).reason, 0x90);
}

TEST_F(publish_test, kafka_away_holds_clients_back_and_loses_nothing) {
    properties["weft.binding.mqtt.kafka.unacknowledged.bytes.max"] = "20000";
    start([](fake_kafka& k) { k.writes = false; });
    auto &a = connect("a"), &b = connect("b");
    const std::string payload(500, 'x');
    uint16_t sent_a = 0, sent_b = 0;
    const auto fill = [&](fake_client& c, const std::string& name, uint16_t& sent) {
        while (c.credit() >= payload.size() + publish_padding && sent < 1000)
            publish(c, name, payload, ++sent);
    };
    fill(a, "a", sent_a);
    fill(b, "b", sent_b);
    EXPECT_LT(sent_a, 100);
    EXPECT_GT(sent_b, 5);  // the first has not taken everything
    EXPECT_FALSE(a.closed || b.closed);
    in_kafka([](fake_kafka& k) { k.write_all(); });
    EXPECT_EQ(a.acks.size(), sent_a);
    EXPECT_EQ(b.acks.size(), sent_b);
    EXPECT_GT(a.credit(), payload.size());
    EXPECT_GT(b.credit(), payload.size());
    in_proxy([](proxy& p) { EXPECT_EQ(p.publish.held_bytes(), 0u); });
}

TEST_F(publish_test, a_window_grows_with_use) {
    start();
    auto& c = connect("one");
    EXPECT_EQ(c.credit(), 8192u);
    in_kafka([](fake_kafka& k) { k.answers = false; });
    for (int round = 0; round < 8; ++round) {
        as(c, [](fake_client& x) {
            for (uint16_t i = 1; x.credit() >= 1000; ++i) x.publish("a", std::string(700, 'x'), i);
        });
        in_kafka([](fake_kafka& k) { k.answer_all(); });
    }
    EXPECT_EQ(c.credit(), 256u << 10);
}

TEST_F(publish_test, waiting_records_leave_in_order) {
    start([](fake_kafka& k) { k.produce_window = 0; });
    auto& c = connect("one");
    for (uint16_t i = 1; i <= 5; ++i) publish(c, "a", std::to_string(i), i);
    EXPECT_THAT(values("mqtt-messages"), ElementsAre());
    in_kafka([](fake_kafka& k) {
        k.produce_window = 1000;
        k.break_all(WEFT_KAFKA_PRODUCE);
    });
    until([&] { return c.acks.size() == 5; });
    EXPECT_THAT(values("mqtt-messages"), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(publish_test, a_record_larger_than_kafkas_window_goes_in_pieces) {
    start([](fake_kafka& k) { k.produce_window = 100; });
    auto& c = connect("one");
    std::string payload;
    for (int i = 0; i < 1000; ++i) payload += std::to_string(i);
    publish(c, "a", payload, 1);
    publish(c, "a", "next", 2);
    EXPECT_TRUE(values("mqtt-messages") == (std::vector<std::string>{payload, "next"}));
    EXPECT_EQ(c.acks.size(), 2u);
}

TEST_F(publish_test, what_was_sent_on_a_lost_stream_is_not_acknowledged_as_written) {
    start([](fake_kafka& k) { k.writes = false; });
    auto& c = connect("one");
    publish(c, "a", "x", 1);
    in_kafka([](fake_kafka& k) { k.break_all(WEFT_KAFKA_PRODUCE); });
    ASSERT_EQ(c.acks.size(), 1u);
    EXPECT_GE(c.acks[0].reason, 0x80);
}

TEST_F(publish_test, a_publish_outlives_its_session) {
    start([](fake_kafka& k) { k.answers = false; });
    auto& c = connect("one");
    publish(c, "a", "1", 1, {.retain = true});
    publish(c, "a", "2", 2);
    as(c, [](fake_client& x) { x.abort(); });
    EXPECT_TRUE(c.closed);
    in_kafka([](fake_kafka& k) { k.answers = true, k.answer_all(); });
    EXPECT_THAT(values("mqtt-messages"), ElementsAre("1", "2"));
    in_proxy([](proxy& p) { EXPECT_TRUE(p.publish.idle()); });
}

TEST_F(publish_test, a_message_in_pieces_is_put_together) {
    start();
    auto& c = connect("one");
    const std::string whole =
        std::string(3000, 'a') + std::string(3000, 'b') + std::string(3000, 'c');
    as(c, [&](fake_client& x) { x.publish_first("a", whole, 3000, 9); });
    EXPECT_TRUE(values("mqtt-messages").empty());
    as(c, [&](fake_client& x) { x.publish_rest(std::string(3000, 'b'), false); });
    as(c, [&](fake_client& x) { x.publish_rest(std::string(3000, 'c'), true); });
    EXPECT_TRUE(values("mqtt-messages") == std::vector<std::string>{whole});
    EXPECT_EQ(c.acks.at(0).packet_id, 9);
}

TEST_F(publish_test, large_messages_are_assembled_within_a_limit) {
    properties["weft.binding.mqtt.kafka.assembly.bytes.max"] = "10000";
    properties["weft.binding.mqtt.kafka.message.bytes.max"] = "9000";
    start();
    auto &a = connect("a"), &b = connect("b"), &d = connect("d");
    const std::string big(8000, 'x');
    as(a, [&](fake_client& x) { x.publish_first("a", big, 4000, 1); });
    as(b, [&](fake_client& x) { x.publish_first("b", big, 4000, 1); });
    EXPECT_GE(a.credit(), 4000u + publish_padding);
    EXPECT_LT(b.credit(), 4192u);  // waits, within the window it has
    as(a, [&](fake_client& x) { x.publish_rest(std::string(4000, 'x'), true); });
    EXPECT_GE(b.credit(), 4000u + publish_padding);
    as(b, [&](fake_client& x) { x.publish_rest(std::string(4000, 'x'), true); });
    EXPECT_EQ(values("mqtt-messages").size(), 2u);
    // Above the limit for one message: read to its end, then refused.
    as(d, [&](fake_client& x) { x.publish_first("d", std::string(20000, 'x'), 5000, 3); });
    for (int i = 0; i < 3; ++i)
        as(d, [&](fake_client& x) { x.publish_rest(std::string(5000, 'x'), i == 2); });
    EXPECT_EQ(d.acks.at(0).reason, 0x97);
    EXPECT_EQ(values("mqtt-messages").size(), 2u);
    publish(d, "d", "small", 4);
    EXPECT_EQ(d.acks.at(1).reason, 0);
}

TEST_F(publish_test, a_half_message_of_a_lost_client_is_forgotten) {
    properties["weft.binding.mqtt.kafka.assembly.bytes.max"] = "10000";
    start();
    auto &a = connect("a"), &b = connect("b");
    as(a, [&](fake_client& x) { x.publish_first("a", std::string(8000, 'x'), 4000, 1); });
    as(b, [&](fake_client& x) { x.publish_first("b", std::string(8000, 'x'), 4000, 1); });
    as(a, [](fake_client& x) { x.abort(); });
    as(b, [&](fake_client& x) { x.publish_rest(std::string(4000, 'x'), true); });
    EXPECT_EQ(values("mqtt-messages").size(), 1u);
}

TEST_F(publish_test, parameters_name_kafka_topics) {
    properties["weft.binding.mqtt.kafka.dynamic.topics.max"] = "2";
    routes = nlohmann::json::parse(
        R"([{"when":[{"publish":[{"topic":"site/{id}/#"}]}],"with":{"messages":"mqtt-${params.id}"},"exit":3},{"when":null,"with":null,"exit":3}])");
    start();
    auto& c = connect("one");
    publish(c, "site/berlin/x", "1", 1);
    EXPECT_THAT(values("mqtt-berlin"), ElementsAre("1"));
    publish(c, "site/b erlin/x", "1", 2);
    EXPECT_EQ(c.acks.at(1).reason, 0x90);
    in_kafka([](fake_kafka& k) { k.answers = false; });
    publish(c, "site/rome/x", "1", 3);
    publish(c, "site/oslo/x", "1", 4);
    EXPECT_THAT(values("mqtt-oslo"), ElementsAre("1"));  // in place of berlin, which nobody uses
    publish(c, "site/bonn/x", "1", 5);
    EXPECT_EQ(c.acks.at(2).packet_id, 5);
    EXPECT_EQ(c.acks.at(2).reason, 0x97);
    in_kafka([](fake_kafka& k) { k.answers = true, k.answer_all(); });
    publish(c, "site/berlin/x", "2", 6);
    EXPECT_THAT(values("mqtt-berlin"), ElementsAre("1", "2"));
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
