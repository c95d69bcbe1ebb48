// Connecting: Kafka there, late, or not as it should be; one session per client id.
#include "tests/world.hpp"

namespace weft::mqtt_kafka::test {
namespace {

struct session_test : world {};

TEST_F(session_test, is_accepted_when_kafka_is_there) {
    start();
    auto& c = connect("one");
    ASSERT_TRUE(c.accepted);
    EXPECT_EQ(c.accepted->qos_max, 2);
    EXPECT_EQ(c.accepted->session_expiry_s, 0u);
    EXPECT_EQ(c.accepted->receive_max, 1024);
    EXPECT_EQ(c.accepted->flags & WEFT_MQTT_SESSION_PRESENT, 0);
    EXPECT_EQ(c.accepted->capabilities, WEFT_MQTT_CAP_RETAIN | WEFT_MQTT_CAP_WILDCARD |
                                            WEFT_MQTT_CAP_SUBSCRIPTION_IDS | WEFT_MQTT_CAP_WILL |
                                            WEFT_MQTT_CAP_SHARED);
    EXPECT_EQ(metric_value("mqtt.kafka.sessions"), 1u);
    as(c, [](fake_client& x) { x.end(); });
    EXPECT_TRUE(c.closed);
    EXPECT_EQ(metric_value("mqtt.kafka.sessions"), 0u);
}

TEST_F(session_test, waits_for_kafka_and_is_accepted_when_it_comes) {
    start([](fake_kafka& k) { k.reachable = false; });
    auto& c = connect("one");
    EXPECT_FALSE(c.accepted);
    in_kafka([](fake_kafka& k) {
        k.reachable = true;
        k.tell_status();
    });
    EXPECT_TRUE(c.accepted);
}

TEST_F(session_test, is_refused_when_kafka_does_not_come) {
    properties["weft.binding.mqtt.kafka.kafka.wait.ms"] = "20";
    start([](fake_kafka& k) { k.reachable = false; });
    auto& c = connect("one");
    until([&] { return c.closed; });
    EXPECT_EQ(c.reset_reason, 0x88);
    EXPECT_EQ(c.reset_text, "Kafka is not reachable: no broker answers");
    until([&] { return logged("binding.mqtt.kafka.session.refused", "Kafka is not reachable"); });
}

TEST_F(session_test, a_missing_sessions_topic_is_named) {
    properties["weft.binding.mqtt.kafka.kafka.wait.ms"] = "20";
    start([](fake_kafka& k) { k.topic("mqtt-sessions").exists = false; });
    auto& c = connect("one");
    until([&] { return c.closed; });
    EXPECT_EQ(c.reset_reason, 0x88);
    EXPECT_EQ(c.reset_text, "Kafka topic 'mqtt-sessions' does not exist");
    until([&] { return logged("binding.mqtt.kafka.topic.missing", "mqtt-sessions"); });
}

TEST_F(session_test, the_sessions_topic_must_be_compacted) {
    start([](fake_kafka& k) { k.topic("mqtt-sessions").cleanup = WEFT_KAFKA_DELETED; });
    auto& c = connect("one");
    EXPECT_EQ(c.reset_reason, 0x83);
    EXPECT_TRUE(c.closed);
    until([&] {
        return logged("binding.mqtt.kafka.non.compact.sessions.topic",
                      "The sessions topic (mqtt-sessions) is not log compacted.");
    });
    in_kafka([](fake_kafka& k) {
        k.topic("mqtt-sessions").cleanup = WEFT_KAFKA_COMPACTED | WEFT_KAFKA_DELETED;
        k.tell_status();
    });
    EXPECT_TRUE(connect("one").accepted);
}

TEST_F(session_test, a_second_session_with_the_client_id_ends_the_first) {
    start();
    auto& first = connect("one");
    auto& second = connect("one");
    EXPECT_EQ(first.reset_reason, 0x8e);
    EXPECT_TRUE(first.closed);
    EXPECT_TRUE(second.accepted);
    EXPECT_FALSE(second.closed);
    auto& third = connect("one");
    EXPECT_EQ(second.reset_reason, 0x8e);
    EXPECT_TRUE(third.accepted);
}

TEST_F(session_test, also_on_another_worker) {
    workers = 2;
    start();
    auto& first = connect("one", 65535, 0);
    auto& second = connect("one", 65535, 1);
    until([&] { return first.closed; });
    EXPECT_EQ(first.reset_reason, 0x8e);
    EXPECT_TRUE(second.accepted);
    auto& other = connect("two", 65535, 0);
    EXPECT_FALSE(other.closed);
}

TEST_F(session_test, client_ids_that_would_write_others_keys_are_refused) {
    start();
    for (const auto* id : {"bob#will", "bob#owner", "bob#offsets", "bob#will-1234",
                           "bob#expiry-signal", "#migrate", "bob#inflight"})
        EXPECT_EQ(connect(id).reset_reason, 0x85) << id;
    for (const auto* id : {"bob#", "bob#willing", "bob#owner#x"})
        EXPECT_TRUE(connect(id).accepted) << id;
}

TEST_F(session_test, shared_streams_end_after_the_last_session) {
    start();
    auto& c = connect("one");
    in_proxy([](proxy& p) { p.drain(WEFT_DRAIN_STOP, UINT64_MAX); });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 2u);
    as(c, [](fake_client& x) { x.end(); });
    for (const uint8_t role : {WEFT_KAFKA_TAIL, WEFT_KAFKA_META, WEFT_KAFKA_PRODUCE})
        EXPECT_EQ(kafka().open_streams(role), 0u);
}

TEST_F(session_test, lost_streams_are_opened_again) {
    start();
    for (const uint8_t role : {WEFT_KAFKA_TAIL, WEFT_KAFKA_META, WEFT_KAFKA_PRODUCE})
        in_kafka([&](fake_kafka& k) { k.break_all(role); });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 0u);
    until([&] {
        return kafka().open_streams(WEFT_KAFKA_TAIL) == 2 &&
               kafka().open_streams(WEFT_KAFKA_META) == 2 &&
               kafka().open_streams(WEFT_KAFKA_PRODUCE) == 3;
    });
    EXPECT_TRUE(connect("one").accepted);
}

// There is one for each client, connected or not.
TEST(session, is_small) {
    EXPECT_LE(sizeof(session), 192u);
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
