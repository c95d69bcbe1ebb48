// Sessions that outlive their connection: claims, stored state, what is delivered after a
// reconnect.
#include "session/state/keys.hpp"
#include "session/state/records.hpp"
#include "tests/world.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct durable_test : world {
    static bool present(const fake_client& c) {
        return c.accepted && (c.accepted->flags & WEFT_MQTT_SESSION_PRESENT);
    }
    void disconnect(fake_client& c, uint8_t reason = 0, uint32_t expiry_s = 3600) {
        as(c, [&](fake_client& x) { x.disconnect(reason, expiry_s); });
    }
    // Client "one", which has got these messages of topic t and acknowledges nothing.
    fake_client& with_unacknowledged(const std::vector<std::string>& messages) {
        auto &c = connect_durable("one"), &p = connect("pub");
        subscribe(c, {{"t", 1}});
        c.acknowledges = false;
        for (const auto& text : messages) publish(p, "t", text);
        return c;
    }
    // Another instance claims the session "one"; the epoch of the claim.
    int64_t claimed_elsewhere() {
        int64_t epoch = 0;
        in_kafka([&](fake_kafka& k) {
            epoch = static_cast<int64_t>(k.records("mqtt-sessions").size());
            k.append("mqtt-sessions", record("one#owner", encode(owner_claim{"other", 1, 2})));
        });
        return epoch;
    }
    static std::vector<uint16_t> ids(const fake_client& c) {
        std::vector<uint16_t> out;
        for (const auto& p : c.publishes) out.push_back(p.packet_id);
        return out;
    }
};

TEST_F(durable_test, a_connect_claims_the_session) {
    start();
    connect("one");
    const auto value = stored("one#owner");
    ASSERT_TRUE(value);
    owner_claim c;
    ASSERT_EQ(decode(*value, c), decoded::ok);
    EXPECT_THAT(c.instance, testing::StartsWith("weft-"));
    in_kafka([](fake_kafka& k) {
        const auto r = k.records("mqtt-sessions").at(0);
        EXPECT_THAT(r.headers, ElementsAre(testing::Pair("type", "owner")));
    });
}

TEST_F(durable_test, a_clean_session_leaves_nothing) {
    start();
    auto& c = connect("one");
    subscribe(c, {{"t"}});
    disconnect(c, 0, 0);
    for (const auto* key : {"one", "one#owner", "one#inflight", "one#offsets", "one#expiry"})
        EXPECT_FALSE(stored(key)) << key;
}

TEST_F(durable_test, another_instance_takes_the_session_over) {
    start();
    auto& c = connect("one");
    in_kafka([](fake_kafka& k) {
        k.append("mqtt-sessions", record("one#owner", encode(owner_claim{"other", 1, 2})));
    });
    EXPECT_EQ(c.reset_reason, 0x8e);
    EXPECT_TRUE(c.closed);
    size_t records = 0;
    in_kafka([&](fake_kafka& k) { records = k.records("mqtt-sessions").size(); });
    EXPECT_EQ(records, 2u) << "who has lost the session writes nothing more";
}

TEST_F(durable_test, who_has_lost_the_session_says_what_is_acknowledged) {
    start();
    auto& c = with_unacknowledged({"a", "b"});
    as(c, [&](fake_client& x) { x.puback(x.publishes[0].packet_id); });
    claimed_elsewhere();
    EXPECT_EQ(c.reset_reason, 0x8e);
    stored_record last;
    in_kafka([&](fake_kafka& k) { last = k.records("mqtt-sessions").back(); });
    EXPECT_EQ(last.key, "one#inflight");
    EXPECT_THAT(last.headers, testing::Contains(testing::Pair(std::string(left_header), "1")));
    session_inflight left;
    ASSERT_EQ(decode(last.value.value(), left), decoded::ok);
    ASSERT_EQ(left.deliveries.size(), 1u);
    EXPECT_EQ(left.deliveries[0].packet_id, c.publishes[1].packet_id);
}

TEST_F(durable_test, what_was_acknowledged_elsewhere_is_waited_for) {
    properties["weft.binding.mqtt.kafka.takeover.wait.ms"] = "600000";
    start();
    with_unacknowledged({"a", "b"});
    const int64_t epoch = claimed_elsewhere();
    session_inflight left;
    ASSERT_EQ(decode(stored("one#inflight").value(), left), decoded::ok);
    ASSERT_EQ(left.deliveries.size(), 2u);
    auto& again = connect_durable("one");
    EXPECT_FALSE(again.accepted);
    left.deliveries.erase(left.deliveries.begin());
    in_kafka([&](fake_kafka& k) {
        k.append("mqtt-sessions", record("one#inflight", encode(left),
                                         {{std::string(epoch_header), epoch_bytes(epoch)},
                                          {std::string(left_header), "1"}}));
    });
    EXPECT_TRUE(present(again));
    EXPECT_THAT(payloads(again), ElementsAre("b"));
    EXPECT_TRUE(again.publishes[0].dup);
}

TEST_F(durable_test, an_instance_that_is_gone_is_not_waited_for_long) {
    properties["weft.binding.mqtt.kafka.takeover.wait.ms"] = "20";
    start();
    with_unacknowledged({"a"});
    claimed_elsewhere();
    auto& again = connect_durable("one");
    until([&] { return again.accepted.has_value(); });
    EXPECT_TRUE(present(again));
    EXPECT_THAT(payloads(again), ElementsAre("a"));
}

TEST_F(durable_test, subscriptions_come_back) {
    start();
    auto& c = connect_durable("one");
    EXPECT_FALSE(present(c));
    subscribe(c, {{"t", 1}}, 5);
    ASSERT_EQ(c.subacks.size(), 1u);
    session_state s;
    ASSERT_EQ(decode(stored("one").value(), s), decoded::ok);
    ASSERT_EQ(s.filters.size(), 1u);
    EXPECT_EQ(s.filters[0].pattern, "t");
    disconnect(c);
    auto& again = connect_durable("one");
    EXPECT_TRUE(present(again));
    EXPECT_EQ(again.accepted->session_expiry_s, 3600u);
    publish(connect("pub"), "t", "x", 1);
    ASSERT_EQ(again.publishes.size(), 1u);
    EXPECT_THAT(again.publishes[0].ids, ElementsAre(5));
}

TEST_F(durable_test, what_came_meanwhile_is_delivered_in_order) {
    start();
    auto &c = connect_durable("one"), &p = connect("pub");
    subscribe(c, {{"t", 1}});
    publish(p, "t", "before", 1);
    disconnect(c);
    for (uint16_t i = 2; i < 40; ++i) publish(p, "t", std::to_string(i), i);
    publish(p, "t", "zero", 0, {.qos = 0});
    auto& again = connect_durable("one");
    std::vector<std::string> expected;
    for (uint16_t i = 2; i < 40; ++i) expected.push_back(std::to_string(i));
    EXPECT_EQ(payloads(again), expected);
    publish(p, "t", "live", 50);
    expected.emplace_back("live");
    EXPECT_EQ(payloads(again), expected);
}

TEST_F(durable_test, what_is_not_acknowledged_comes_again_under_its_id) {
    start();
    auto &c = connect_durable("one"), &p = connect("pub");
    subscribe(c, {{"t", 1}});
    c.acknowledges = false;
    publish(p, "t", "a", 1);
    publish(p, "t", "b", 2);
    publish(p, "t", "c", 3);
    ASSERT_EQ(c.publishes.size(), 3u);
    const auto first = ids(c);
    as(c, [&](fake_client& x) { x.puback(first[1]); });
    as(c, [](fake_client& x) { x.abort(); });
    publish(p, "t", "d", 4);
    auto& again = connect_durable("one");
    EXPECT_THAT(payloads(again), ElementsAre("a", "c", "d"));
    EXPECT_EQ(again.publishes[0].packet_id, first[0]);
    EXPECT_EQ(again.publishes[1].packet_id, first[2]);
    EXPECT_TRUE(again.publishes[0].dup);
    EXPECT_FALSE(again.publishes[2].dup);
    EXPECT_NE(again.publishes[2].packet_id, first[0]);
}

TEST_F(durable_test, a_killed_process_loses_nothing) {
    start();
    auto &c = connect_durable("one"), &p = connect("pub");
    subscribe(c, {{"t", 1}});
    c.acknowledges = false;
    publish(p, "t", "a", 1);
    crash();
    auto& p2 = connect("pub");
    publish(p2, "t", "b", 2);
    auto& again = connect_durable("one");
    EXPECT_TRUE(present(again));
    EXPECT_THAT(payloads(again), ElementsAre("a", "b"));
}

TEST_F(durable_test, a_partition_without_a_leader_is_read_when_it_has_one_again) {
    start([](fake_kafka& k) { k.topic("mqtt-messages").partitions.resize(2); });
    auto& c = connect_durable("one");
    subscribe(c, {{"#", 1}});
    disconnect(c);
    in_kafka([](fake_kafka& k) {
        k.append("mqtt-messages", record("a", "0"), 0);
        k.append("mqtt-messages", record("b", "1"), 1);
        k.topic("mqtt-messages").without_leader = 1;
    });
    crash();
    auto& idle = connect_durable("one");  // keeps the place that it cannot use
    EXPECT_TRUE(present(idle));
    EXPECT_THAT(payloads(idle), ElementsAre("0"));
    disconnect(idle);
    auto& again = connect_durable("one");
    in_kafka([](fake_kafka& k) { k.append("mqtt-messages", record("a", "2"), 0); });
    EXPECT_THAT(payloads(again), ElementsAre("2"));
    in_kafka([](fake_kafka& k) {
        k.topic("mqtt-messages").without_leader = 0;
        k.tell_status();
    });
    EXPECT_THAT(payloads(again), ElementsAre("2", "1"));
    in_kafka([](fake_kafka& k) { k.append("mqtt-messages", record("b", "3"), 1); });
    EXPECT_THAT(payloads(again), ElementsAre("2", "1", "3"));
}

// Where the session stands there nobody knew when it was stored: what it had before is not
// repeated.
TEST_F(durable_test, a_partition_that_had_no_leader_from_the_start_begins_when_the_session_left) {
    start([](fake_kafka& k) {
        k.topic("mqtt-messages").partitions.resize(2);
        k.topic("mqtt-messages").without_leader = 1;
        auto old = record("b", "old");
        old.timestamp_ms -= 60'000;
        k.append("mqtt-messages", old, 1);
    });
    auto& c = connect_durable("one");
    subscribe(c, {{"#", 1}});
    disconnect(c);
    auto& idle = connect_durable("one");  // keeps what it knows of the place
    EXPECT_TRUE(present(idle));
    disconnect(idle);
    in_kafka([](fake_kafka& k) {
        k.append("mqtt-messages", record("b", "new"), 1);
        k.topic("mqtt-messages").without_leader = 0;
        k.tell_status();
    });
    auto& again = connect_durable("one");
    EXPECT_TRUE(present(again));
    EXPECT_THAT(payloads(again), ElementsAre("new"));
    disconnect(again);
    // From the first of its own on it is a place like any other.
    in_kafka([](fake_kafka& k) { k.append("mqtt-messages", record("b", "next"), 1); });
    EXPECT_THAT(payloads(connect_durable("one")), ElementsAre("next"));
}

TEST_F(durable_test, clean_start_begins_anew) {
    start();
    auto& c = connect_durable("one");
    subscribe(c, {{"t", 1}});
    disconnect(c);
    auto& again = connect_durable("one", WEFT_MQTT_CLEAN_START);
    EXPECT_FALSE(present(again));
    publish(connect("pub"), "t", "x", 1);
    EXPECT_THAT(again.publishes, IsEmpty());
    session_state s;
    ASSERT_EQ(decode(stored("one").value(), s), decoded::ok);
    EXPECT_THAT(s.filters, IsEmpty());
    EXPECT_FALSE(stored("one#inflight"));
}

TEST_F(durable_test, disconnect_may_end_the_session) {
    start();
    auto& c = connect_durable("one");
    subscribe(c, {{"t", 1}});
    disconnect(c, 0, 0);
    EXPECT_FALSE(stored("one"));
    EXPECT_FALSE(stored("one#inflight"));
    EXPECT_FALSE(present(connect_durable("one")));
}

TEST_F(durable_test, a_session_expires) {
    start();
    auto& c = connect_durable("one", 0, 1);
    subscribe(c, {{"t", 1}});
    disconnect(c, 0, 1);
    EXPECT_TRUE(stored("one"));
    until([&] {
        const auto all = kafka().records("mqtt-sessions");
        return all.back().key == "one#owner" && !all.back().value;
    });
    EXPECT_FALSE(stored("one"));
    EXPECT_FALSE(present(connect_durable("one")));
}

TEST_F(durable_test, what_an_earlier_process_left_expires) {
    const auto left = [](int64_t at_ms) {
        return record(
            "x", encode(session_signal{session_signal::expiry, "gone", "x", 1, at_ms, {}, {}}));
    };
    start([&](fake_kafka& k) {
        for (const std::string id : {"old", "new"}) {
            auto r = record(id, encode(session_state{}));
            k.append("mqtt-sessions", r);
            r = left(id == "old" ? now_ms() - 1 : now_ms() + 3'600'000);
            r.key = id + "#expiry";
            k.append("mqtt-sessions", r);
        }
    });
    until([&] {
        const auto all = kafka().records("mqtt-sessions");
        return all.back().key == "old#owner";
    });
    EXPECT_FALSE(stored("old"));
    EXPECT_FALSE(stored("old#expiry"));
    EXPECT_TRUE(stored("new"));
}

TEST_F(durable_test, v311_sessions_last_a_bounded_time) {
    start();
    auto& c = new_client();
    c.version = WEFT_MQTT_V311;
    c.session_expiry = WEFT_MQTT_EXPIRY_NEVER;
    connect(c, "old", 65535, 0);
    ASSERT_TRUE(c.accepted);
    EXPECT_EQ(c.accepted->session_expiry_s, 7u * 24 * 3600);
}

TEST_F(durable_test, a_late_record_of_an_older_owner_is_written_over) {
    start();
    auto& first = connect_durable("one");
    disconnect(first);
    auto& c = connect_durable("one");
    subscribe(c, {{"t", 1}});
    const auto good = stored("one");
    in_kafka([](fake_kafka& k) {
        auto late = record("one", encode(session_state{}));
        late.headers = {{"zilla:epoch", epoch_bytes(0)}};
        k.append("mqtt-sessions", late);
    });
    EXPECT_EQ(stored("one"), good);
}

TEST_F(durable_test, state_of_a_newer_version_is_kept) {
    start([](fake_kafka& k) {
        k.append("mqtt-sessions", record("one", std::string("\x02later", 6)));
    });
    EXPECT_EQ(connect_durable("one").reset_reason, 0x83);
    EXPECT_EQ(stored("one"), std::string("\x02later", 6));
}

TEST_F(durable_test, a_changed_number_of_partitions_is_told) {
    start();
    EXPECT_TRUE(connect("one").accepted);
    in_kafka([](fake_kafka& k) {
        k.topic("mqtt-sessions").partitions.emplace_back();
        k.tell_status();
    });
    EXPECT_EQ(connect("two").reset_reason, 0x88);
    EXPECT_TRUE(logged("binding.mqtt.kafka.sessions.topic.partitions", "mqtt-sessions"));
}

TEST_F(durable_test, a_lost_producer_does_not_lose_a_claim) {
    start();
    in_kafka([](fake_kafka& k) {
        k.apart.clear();
        k.writes = false;
    });
    auto& c = connect("one");
    EXPECT_FALSE(c.accepted);
    in_kafka([](fake_kafka& k) {
        k.break_all(WEFT_KAFKA_PRODUCE);
        k.writes = true;
    });
    until([&] { return c.accepted.has_value(); });
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
