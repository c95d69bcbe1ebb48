// Subscriptions and live delivery.
#include "tests/world.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

struct subscribe_test : world {};

TEST_F(subscribe_test, a_message_reaches_its_subscriber) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    subscribe(s, {{"device/#"}});
    ASSERT_EQ(s.subacks.size(), 1u);
    EXPECT_THAT(s.subacks[0].reasons, ElementsAre(1));
    EXPECT_EQ(s.subacks[0].type, 9);
    publish(p, "device/1", "hi", 1, {.response_topic = "answers/pub", .properties = {{"k", "v"}}});
    ASSERT_EQ(s.publishes.size(), 1u);
    const auto& m = s.publishes[0];
    EXPECT_EQ(m.topic, "device/1");
    EXPECT_EQ(m.payload, "hi");
    EXPECT_EQ(m.qos, 1);
    EXPECT_EQ(m.packet_id, 1);
    EXPECT_FALSE(m.retain);
    EXPECT_EQ(m.response_topic, "answers/pub");
    EXPECT_THAT(m.properties, ElementsAre(Pair("k", "v")));
    publish(p, "device", "base", 2);  // 'device/#' matches it, and it is on the default topic
    EXPECT_THAT(payloads(s), ElementsAre("hi", "base"));
}

TEST_F(subscribe_test, qos_is_the_lower_of_both) {
    start();
    auto &p = connect("pub"), &s0 = connect("s0"), &s1 = connect("s1"), &s2 = connect("s2");
    subscribe(s0, {{"t", 0}});
    subscribe(s1, {{"t", 1}});
    subscribe(s2, {{"t", 2}});
    EXPECT_THAT(s0.subacks[0].reasons, ElementsAre(0));
    EXPECT_THAT(s2.subacks[0].reasons, ElementsAre(2));
    publish(p, "t", "one", 1);
    publish(p, "t", "zero", 0, {.qos = 0});
    for (auto* s : {&s0, &s1, &s2}) ASSERT_EQ(s->publishes.size(), 2u);
    EXPECT_EQ(s0.publishes[0].qos, 0);
    EXPECT_EQ(s0.publishes[0].packet_id, 0);
    EXPECT_EQ(s1.publishes[0].qos, 1);
    EXPECT_EQ(s1.publishes[1].qos, 0);
    EXPECT_EQ(s2.publishes[0].qos, 1);
}

TEST_F(subscribe_test, records_of_other_programs_are_delivered_by_their_key) {
    start();
    auto &s = connect("sub"), &t = connect("low");
    subscribe(s, {{"device/+"}});
    subscribe(t, {{"device/+", 0}});
    in_kafka([](fake_kafka& k) {
        k.append("mqtt-devices", record("device/1", "hi", {{"source", "kcat"}}));
        k.append("mqtt-devices", {std::nullopt, "no key", {}, 0});
        k.append("mqtt-devices", record("device/#", "no topic name"));
        k.append("mqtt-devices", record("device/\xff", "no text"));
    });
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_EQ(s.publishes[0].qos, 1);
    EXPECT_THAT(s.publishes[0].properties, ElementsAre(Pair("source", "kcat")));
    ASSERT_EQ(t.publishes.size(), 1u);
    EXPECT_EQ(t.publishes[0].qos, 0);
}

TEST_F(subscribe_test, overlapping_filters_make_one_delivery) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    subscribe(s, {{"a/#", 0}}, 11);
    subscribe(s, {{"a/+", 1}}, 12);
    subscribe(s, {{"a/b", 0}});
    publish(p, "a/b", "x", 1);
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_EQ(s.publishes[0].qos, 1);
    EXPECT_THAT(s.publishes[0].ids, testing::UnorderedElementsAre(11, 12));
    publish(p, "a/b/c", "y", 2);
    ASSERT_EQ(s.publishes.size(), 2u);
    EXPECT_THAT(s.publishes[1].ids, ElementsAre(11));
}

TEST_F(subscribe_test, a_repeated_filter_replaces) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    subscribe(s, {{"a", 1}}, 5);
    subscribe(s, {{"a", 0}}, 6);
    EXPECT_EQ(s.subacks.size(), 2u);
    publish(p, "a", "x", 1);
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_EQ(s.publishes[0].qos, 0);
    EXPECT_THAT(s.publishes[0].ids, ElementsAre(6));
}

TEST_F(subscribe_test, no_local_is_per_subscription) {
    start();
    auto &a = connect("a"), &b = connect("b");
    subscribe(a, {{"t", 1, WEFT_MQTT_NO_LOCAL}}, 1);
    publish(a, "t", "mine", 1);
    publish(b, "t", "other", 1);
    EXPECT_THAT(payloads(a), ElementsAre("other"));
    subscribe(a, {{"+", 0}}, 2);
    publish(a, "t", "again", 2);
    ASSERT_EQ(a.publishes.size(), 2u);
    EXPECT_EQ(a.publishes[1].qos, 0);  // by the filter without No Local alone
    EXPECT_THAT(a.publishes[1].ids, ElementsAre(2));
}

TEST_F(subscribe_test, retain_as_published_is_per_subscription) {
    start();
    auto &p = connect("pub"), &s = connect("sub"), &t = connect("plain");
    subscribe(s, {{"t", 1, WEFT_MQTT_RETAIN_AS_PUBLISHED}});
    subscribe(t, {{"t"}});
    publish(p, "t", "kept", 1, {.retain = true});
    publish(p, "t", "not", 2);
    ASSERT_EQ(s.publishes.size(), 2u);
    EXPECT_TRUE(s.publishes[0].retain);
    EXPECT_FALSE(s.publishes[1].retain);
    EXPECT_FALSE(t.publishes.at(0).retain);
    EXPECT_TRUE(s.publishes[0].properties.empty());
}

TEST_F(subscribe_test, refusals_are_per_filter) {
    start([](fake_kafka& k) { k.topic("mqtt-devices").exists = false; });
    auto& s = connect("sub");
    subscribe(s,
              {{"$share/g"}, {"a/#/b"}, {"device/1"}, {"ok"}, {std::string(2 * levels_max, '/')}});
    ASSERT_EQ(s.subacks.size(), 1u);
    EXPECT_THAT(s.subacks[0].reasons, ElementsAre(0x8f, 0x8f, 0x83, 1, 0x8f));
    EXPECT_EQ(s.subacks[0].text, "filter '$share/g' is not $share/name/filter");
    subscribe(s, {{"device/1"}});
    EXPECT_EQ(s.subacks[1].text, "Kafka topic 'mqtt-devices' does not exist");
}

TEST_F(subscribe_test, no_route_and_open_parameters) {
    routes = nlohmann::json::parse(
        R"([{"when":[{"subscribe":[{"topic":"site/{id}/#"}]}],"with":{"messages":"mqtt-${params.id}"},"exit":3}])");
    start([](fake_kafka& k) { k.topic("mqtt-rome"); });
    auto& s = connect("sub");
    subscribe(s, {{"other"}, {"site/+/x"}, {"site/rome/x"}});
    EXPECT_THAT(s.subacks.at(0).reasons, ElementsAre(0x87, 0xa2, 1));
    in_kafka([](fake_kafka& k) { k.append("mqtt-rome", record("site/rome/x", "hi")); });
    EXPECT_THAT(payloads(s), ElementsAre("hi"));
}

TEST_F(subscribe_test, too_many_subscriptions) {
    properties["weft.binding.mqtt.kafka.subscriptions.max"] = "2";
    start();
    auto& s = connect("sub");
    subscribe(s, {{"a"}, {"b"}, {"c"}, {"a"}});
    EXPECT_THAT(s.subacks.at(0).reasons, ElementsAre(1, 1, 0x97, 1));
}

TEST_F(subscribe_test, waits_until_its_topics_are_live) {
    start([](fake_kafka& k) { k.topic("mqtt-sessions"); });
    auto& s = connect("sub");
    // A topic that nobody has used yet is not live at once when Kafka is away.
    in_kafka([](fake_kafka& k) {
        k.reachable = false;
        k.break_all(WEFT_KAFKA_TAIL);
    });
    subscribe(s, {{"a"}});
    EXPECT_EQ(s.subacks.size(), 1u);  // live before: history will fill the gap
}

TEST_F(subscribe_test, answers_wait_for_kafka_and_keep_their_order) {
    routes = nlohmann::json::parse(
        R"([{"when":[{"subscribe":[{"topic":"site/{id}/#"}]}],"with":{"messages":"mqtt-${params.id}"},"exit":3},{"when":null,"with":null,"exit":3}])");
    start();
    auto& s = connect("sub");
    in_kafka([](fake_kafka& k) { k.reachable = false; });
    subscribe(s, {{"site/rome/x"}});
    subscribe(s, {{"a"}});
    EXPECT_TRUE(s.subacks.empty());
    in_kafka([](fake_kafka& k) { k.reachable = true, k.tell_status(); });
    ASSERT_EQ(s.subacks.size(), 2u);
    EXPECT_LT(s.subacks[0].packet_id, s.subacks[1].packet_id);
}

TEST_F(subscribe_test, gives_up_after_a_while) {
    properties["weft.binding.mqtt.kafka.kafka.wait.ms"] = "20";
    routes = nlohmann::json::parse(
        R"([{"when":[{"subscribe":[{"topic":"site/{id}/#"}]}],"with":{"messages":"mqtt-${params.id}"},"exit":3},{"when":null,"with":null,"exit":3}])");
    start();
    auto& s = connect("sub");
    in_kafka([](fake_kafka& k) { k.reachable = false; });
    subscribe(s, {{"site/rome/x"}, {"a"}});
    until([&] { return !s.subacks.empty(); });
    EXPECT_THAT(s.subacks.at(0).reasons, ElementsAre(0x83, 1));
    EXPECT_EQ(s.subacks[0].text, "Kafka is not reachable: no broker answers");
    EXPECT_FALSE(s.closed);
}

TEST_F(subscribe_test, unsubscribe) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    subscribe(s, {{"a"}, {"b"}});
    as(s, [](fake_client& x) { x.unsubscribe(9, {"a", "never"}); });
    ASSERT_EQ(s.subacks.size(), 2u);
    EXPECT_EQ(s.subacks[1].type, 11);
    EXPECT_THAT(s.subacks[1].reasons, ElementsAre(0, 0x11));
    publish(p, "a", "x", 1);
    publish(p, "b", "y", 2);
    EXPECT_THAT(payloads(s), ElementsAre("y"));
}

TEST_F(subscribe_test, nothing_is_left_of_a_closed_session) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"a/+/#"}, {"b"}});
    as(s, [](fake_client& x) { x.abort(); });
    in_proxy([](proxy& p) {
        EXPECT_EQ(p.index.size(), 0u);
        EXPECT_EQ(p.index.nodes(), 1u);
    });
}

// [MQTT-3.3.2-5] [MQTT-3.3.2-6]
TEST_F(subscribe_test, expiry_counts_down_and_ends) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    subscribe(s, {{"t"}});
    publish(p, "t", "x", 1, {.expiry = 100});
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_GE(s.publishes[0].expiry.value(), 99u);
    in_kafka([](fake_kafka& k) {
        auto old = record("t", "old", {{"zilla:expiry", std::string("\0\0\0\x0a", 4)}});
        old.timestamp_ms -= 4500;
        k.append("mqtt-messages", old);
        old.timestamp_ms -= 6000;
        k.append("mqtt-messages", old);
    });
    ASSERT_EQ(s.publishes.size(), 2u);
    EXPECT_EQ(s.publishes[1].expiry, 6u);
}

TEST_F(subscribe_test, packet_ids_skip_those_in_flight) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    s.acknowledges = false;
    subscribe(s, {{"t"}});
    publish(p, "t", "first", 1);
    EXPECT_EQ(s.publishes.at(0).packet_id, 1);
    s.acknowledges = true;
    as(p, [](fake_client& x) {
        for (int i = 0; i < 16; ++i) x.publish("t", "y", 2);
    });
    EXPECT_EQ(s.publishes.back().packet_id, 17);
    as(s, [](fake_client& x) {
        x.puback(999);  // never given: ignored
        x.puback(1);
        x.puback(1);
    });
    publish(p, "t", "last", 3);
    EXPECT_EQ(s.publishes.back().packet_id, 18);
    EXPECT_FALSE(s.closed);
}

TEST_F(subscribe_test, a_large_message_goes_in_pieces_as_credit_allows) {
    start();
    auto &p = connect("pub"), &s = new_client();
    s.window = 10'000;
    connect(s, "sub");
    subscribe(s, {{"t"}});
    std::string big;
    for (int i = 0; big.size() < 60'000; ++i) big += std::to_string(i);
    in_kafka([&](fake_kafka& k) { k.append("mqtt-messages", record("t", big)); });
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_EQ(s.publishes[0].payload, big);
    EXPECT_GT(s.publishes[0].pieces, 1u);
    publish(p, "t", "next", 1);
    EXPECT_EQ(s.publishes.back().payload, "next");
}

TEST(inflight, wraps_and_skips) {
    inflight f;
    EXPECT_EQ(f.take({}).id, 1);
    for (uint32_t i = 2; i <= 65535; ++i) {
        ASSERT_EQ(f.take({}).id, i);
        ASSERT_TRUE(f.release(static_cast<uint16_t>(i)));
    }
    EXPECT_EQ(f.take({}).id, 2);  // 1 is still in flight, 0 is no packet id
    EXPECT_TRUE(f.release(1));
    EXPECT_FALSE(f.release(1));
    EXPECT_TRUE(f.release(2));
    EXPECT_TRUE(f.empty());
}

TEST(inflight, releases_in_any_order) {
    inflight f;
    std::vector<uint16_t> ids;
    for (int i = 0; i < 100; ++i) ids.push_back(f.take({}).id);
    for (size_t i = 0; i < ids.size(); i += 2) EXPECT_TRUE(f.release(ids[i]));
    EXPECT_EQ(f.size(), 50u);
    for (size_t i = ids.size(); i-- > 0;) EXPECT_EQ(f.release(ids[i]), i % 2 == 1);
    EXPECT_TRUE(f.empty());
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
