// Sessions that are behind: slow readers, retained replay, tails that were lost.
#include "tests/world.hpp"

#include <random>

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;

struct catch_up_test : world {
    void write(const std::string& key, const std::string& value, const char* qos = "1",
               int32_t partition = 0) {
        in_kafka([&](fake_kafka& k) {
            k.append("mqtt-messages", record(key, value, {{"zilla:qos", qos}}), partition);
        });
    }
    std::vector<std::string> numbers(int from, int to) {
        std::vector<std::string> out;
        for (int i = from; i < to; ++i) out.push_back(std::to_string(i));
        return out;
    }
};

TEST_F(catch_up_test, a_full_window_is_no_loss) {
    start();
    auto& s = connect("sub", 4);
    s.acknowledges = false;
    subscribe(s, {{"t"}});
    for (int i = 0; i < 10; ++i) write("t", std::to_string(i));
    EXPECT_EQ(payloads(s), numbers(0, 4));
    EXPECT_EQ(kafka().history_opened, 0u);
    as(s, [](fake_client& x) { x.puback(1); });
    EXPECT_EQ(payloads(s), numbers(0, 5));
    as(s, [](fake_client& x) { x.puback(2); });
    EXPECT_EQ(payloads(s), numbers(0, 6));
    EXPECT_EQ(kafka().history_opened, 1u);  // one brings more than one message
    s.acknowledges = true;
    as(s, [](fake_client& x) {
        for (uint16_t id = 3; id <= 6; ++id) x.puback(id);
    });
    EXPECT_EQ(payloads(s), numbers(0, 10));
    // Joined: live again.
    const auto opened = kafka().history_opened;
    write("t", "10");
    EXPECT_EQ(payloads(s), numbers(0, 11));
    EXPECT_EQ(kafka().history_opened, opened);
    for (size_t i = 0; i < s.publishes.size(); ++i) EXPECT_EQ(s.publishes[i].packet_id, i + 1);
}

TEST_F(catch_up_test, a_client_that_reads_nothing_loses_qos_0_only) {
    start();
    auto &s = new_client(), &other = connect("other");
    s.takes = false;
    connect(s, "sub");
    subscribe(s, {{"t"}});
    subscribe(other, {{"t"}});
    for (int i = 0; i < 6; ++i) write("t", std::to_string(i), i % 2 ? "1" : "0");
    EXPECT_TRUE(s.publishes.empty());
    EXPECT_EQ(other.publishes.size(), 6u);  // others are not delayed
    EXPECT_EQ(metric_value("mqtt.kafka.qos0.dropped"), 3u);
    as(s, [](fake_client& x) { x.take(); });
    EXPECT_THAT(payloads(s), ElementsAre("1", "3", "5"));
    write("t", "6", "0");
    EXPECT_THAT(payloads(s), ElementsAre("1", "3", "5", "6"));
}

TEST_F(catch_up_test, qos_0_goes_on_while_a_full_window_waits) {
    start();
    auto& s = connect("sub", 1);
    s.acknowledges = false;
    subscribe(s, {{"t"}});
    write("t", "a");
    write("t", "b");
    write("t", "zero", "0");
    EXPECT_THAT(payloads(s), ElementsAre("a", "zero"));
    s.acknowledges = true;
    as(s, [](fake_client& x) { x.puback(1); });
    EXPECT_THAT(payloads(s), ElementsAre("a", "zero", "b"));
}

TEST_F(catch_up_test, what_comes_while_reading_history_is_read_too) {
    start();
    auto& s = connect("sub", 1);
    s.acknowledges = false;
    subscribe(s, {{"t"}});
    write("t", "0");
    write("t", "1");
    in_kafka([](fake_kafka& k) { k.history_waits = true; });
    s.acknowledges = true;
    as(s, [](fake_client& x) { x.puback(1); });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_HISTORY), 1u);
    write("t", "2");
    write("u", "unrelated");
    in_kafka([](fake_kafka& k) { k.history_go(); });
    EXPECT_EQ(payloads(s), numbers(0, 3));
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_HISTORY), 0u);
    EXPECT_EQ(kafka().history_records, 2u);  // filtered where the log is
    write("t", "3");
    EXPECT_EQ(payloads(s), numbers(0, 4));
}

TEST_F(catch_up_test, a_broken_history_stream_is_opened_again) {
    start();
    auto& s = connect("sub", 1);
    s.acknowledges = false;
    subscribe(s, {{"t"}});
    write("t", "0");
    write("t", "1");
    in_kafka([](fake_kafka& k) { k.history_waits = true; });
    s.acknowledges = true;
    as(s, [](fake_client& x) { x.puback(1); });
    in_kafka([](fake_kafka& k) {
        k.history_waits = false;
        k.break_all(WEFT_KAFKA_HISTORY);
    });
    until([&] { return s.publishes.size() == 2; });
}

TEST_F(catch_up_test, a_late_subscription_gets_nothing_older_than_itself) {
    start();
    auto& s = connect("sub", 1);
    s.acknowledges = false;
    subscribe(s, {{"t"}});
    write("t", "0");
    write("t", "1");
    write("late", "before");
    subscribe(s, {{"late"}});
    write("late", "after");
    s.acknowledges = true;
    as(s, [](fake_client& x) { x.puback(1); });
    EXPECT_THAT(payloads(s), ElementsAre("0", "1", "after"));
}

TEST_F(catch_up_test, unsubscribing_while_behind) {
    start();
    auto& s = connect("sub", 1);
    s.acknowledges = false;
    subscribe(s, {{"t"}, {"u"}});
    write("t", "0");
    write("t", "1");
    write("u", "2");
    as(s, [](fake_client& x) { x.unsubscribe(50, {"t"}); });
    s.acknowledges = true;
    as(s, [](fake_client& x) { x.puback(1); });
    EXPECT_THAT(payloads(s), ElementsAre("0", "2"));
    as(s, [](fake_client& x) { x.unsubscribe(51, {"u"}); });
    write("u", "3");
    EXPECT_EQ(s.publishes.size(), 2u);
}

TEST_F(catch_up_test, history_streams_are_limited_and_shared_fairly) {
    properties["weft.binding.mqtt.kafka.history.streams.max"] = "1";
    start();
    std::vector<fake_client*> clients;
    for (int i = 0; i < 5; ++i) {
        auto& s = connect("sub" + std::to_string(i), 1);
        s.acknowledges = false;
        subscribe(s, {{"t"}});
        clients.push_back(&s);
    }
    write("t", "0");
    write("t", "1");
    in_kafka([](fake_kafka& k) { k.history_waits = true; });
    for (auto* s : clients) {
        s->acknowledges = true;
        as(*s, [](fake_client& x) { x.puback(1); });
    }
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_HISTORY), 1u);
    as(*clients[1], [](fake_client& x) { x.abort(); });  // one in line
    as(*clients[0], [](fake_client& x) { x.abort(); });  // the one that reads
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_HISTORY), 1u);
    in_kafka([](fake_kafka& k) { k.history_go(); });
    for (size_t i = 2; i < 5; ++i) EXPECT_EQ(payloads(*clients[i]), numbers(0, 2)) << i;
}

TEST_F(catch_up_test, who_waits_for_its_client_gives_way) {
    properties["weft.binding.mqtt.kafka.history.streams.max"] = "1";
    start();
    auto &a = connect("a", 1), &b = connect("b", 1);
    for (auto* s : {&a, &b}) {
        s->acknowledges = false;
        subscribe(*s, {{"t"}});
    }
    for (int i = 0; i < 4; ++i) write("t", std::to_string(i));
    as(a, [](fake_client& x) { x.puback(1); });  // has the history stream, and waits again
    EXPECT_EQ(payloads(a), numbers(0, 2));
    b.acknowledges = true;
    as(b, [](fake_client& x) { x.puback(1); });
    EXPECT_EQ(payloads(b), numbers(0, 4));
    a.acknowledges = true;
    as(a, [](fake_client& x) { x.puback(2); });
    EXPECT_EQ(payloads(a), numbers(0, 4));
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_HISTORY), 0u);
}

TEST_F(catch_up_test, a_tail_that_was_lost_leaves_no_gap) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    write("t", "0");
    in_kafka([](fake_kafka& k) { k.break_all(WEFT_KAFKA_TAIL); });
    write("t", "1");
    write("t", "2", "0");
    until([&] { return s.publishes.size() == 3; });
    EXPECT_EQ(payloads(s), numbers(0, 3));
    write("t", "3");
    EXPECT_EQ(payloads(s), numbers(0, 4));
}

// Any mix of readers, acknowledgements and credit: QoS 1 arrives once, complete and in order.
TEST_F(catch_up_test, random_slow_readers_miss_nothing) {
    start([](fake_kafka& k) { k.topic("mqtt-messages").partitions.resize(3); });
    std::mt19937 random(7);
    std::vector<fake_client*> clients;
    std::vector<uint16_t> acknowledged(4, 0);
    for (uint16_t i = 0; i < 4; ++i) {
        auto& s = connect("sub" + std::to_string(i), static_cast<uint16_t>(1 + i * 3));
        s.acknowledges = false;
        subscribe(s, {{"t/#"}});
        clients.push_back(&s);
    }
    std::vector<std::vector<std::string>> written(3);
    for (int i = 0; i < 600; ++i) {
        const auto p = static_cast<int32_t>(random() % 3);
        const auto value = std::to_string(p) + ":" + std::to_string(i);
        written[static_cast<size_t>(p)].push_back(value);
        write("t/" + std::to_string(p), value, "1", p);
        const size_t who = random() % 4;
        auto& s = *clients[who];
        switch (random() % 4) {
            case 0:
                as(s, [](fake_client& x) { x.grant(200); });
                break;
            case 1:
                as(s, [](fake_client& x) { x.take(); });
                break;
            default:
                as(s, [&](fake_client& x) {
                    while (acknowledged[who] < x.publishes.size() && random() % 5 != 0)
                        x.puback(x.publishes[acknowledged[who]++].packet_id);
                });
        }
    }
    for (size_t who = 0; who < 4; ++who) {
        auto& s = *clients[who];
        as(s, [](fake_client& x) { x.take(); });
        while (acknowledged[who] < s.publishes.size())
            as(s, [&](fake_client& x) {
                while (acknowledged[who] < x.publishes.size())
                    x.puback(x.publishes[acknowledged[who]++].packet_id);
            });
        std::vector<std::vector<std::string>> got(3);
        for (const auto& m : s.publishes)
            got[static_cast<size_t>(m.payload[0] - '0')].push_back(m.payload);
        EXPECT_EQ(got, written) << who;
    }
}

TEST_F(catch_up_test, retained_messages_come_after_the_answer_with_the_bit_set) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    publish(p, "a/1", "old", 1, {.retain = true});
    publish(p, "a/1", "new", 2, {.retain = true});
    publish(p, "a/2", "two", 3, {.qos = 0, .retain = true});
    publish(p, "a/3", "gone", 4, {.retain = true});
    publish(p, "a/3", "", 5, {.retain = true});
    publish(p, "b", "other", 6, {.retain = true});
    subscribe(s, {{"a/#", 1, 0, 0}}, 3);
    EXPECT_THAT(s.order, ElementsAre("suback", "publish", "publish"));
    ASSERT_EQ(s.publishes.size(), 2u);
    EXPECT_EQ(s.publishes[0].payload, "new");
    EXPECT_TRUE(s.publishes[0].retain);
    EXPECT_EQ(s.publishes[0].qos, 1);
    EXPECT_THAT(s.publishes[0].ids, ElementsAre(3));
    EXPECT_EQ(s.publishes[1].qos, 0);
    publish(p, "a/1", "live", 7, {.retain = true});
    ASSERT_EQ(s.publishes.size(), 3u);
    EXPECT_FALSE(s.publishes[2].retain);
}

TEST_F(catch_up_test, retain_handling) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    publish(p, "a", "x", 1, {.retain = true});
    subscribe(s, {{"a", 1, 0, 2}});
    EXPECT_EQ(s.publishes.size(), 0u);
    subscribe(s, {{"a", 1, 0, 1}});  // not new
    EXPECT_EQ(s.publishes.size(), 0u);
    subscribe(s, {{"a", 1, 0, 0}});  // always
    EXPECT_EQ(s.publishes.size(), 1u);
    subscribe(s, {{"a", 1, 0, 0}});
    EXPECT_EQ(s.publishes.size(), 2u);
    subscribe(s, {{"+", 1, 0, 1}});  // new
    EXPECT_EQ(s.publishes.size(), 3u);
}

TEST_F(catch_up_test, live_messages_wait_for_the_replay) {
    start([](fake_kafka& k) { k.topic("mqtt-messages").partitions.resize(2); });
    auto &p = connect("pub"), &s = connect("sub");
    publish(p, "a", "kept", 1, {.retain = true});
    subscribe(s, {{"b", 1}});
    in_kafka([](fake_kafka& k) { k.history_waits = true; });
    subscribe(s, {{"a", 1, 0, 0}});
    EXPECT_EQ(s.subacks.size(), 2u);
    publish(p, "a", "live 1", 2);
    publish(p, "a", "live 0", 3, {.qos = 0});
    publish(p, "b", "other", 4);
    EXPECT_TRUE(s.publishes.empty());
    in_kafka([](fake_kafka& k) { k.history_go(); });
    ASSERT_EQ(s.publishes.size(), 4u);
    EXPECT_EQ(s.publishes[0].payload, "kept");
    std::vector<std::string> of_a;
    for (const auto& m : s.publishes)
        if (m.topic == "a") of_a.push_back(m.payload);
    EXPECT_THAT(of_a, ElementsAre("kept", "live 1", "live 0"));
    publish(p, "a", "after", 5, {.qos = 0});
    EXPECT_EQ(s.publishes.back().payload, "after");
}

TEST_F(catch_up_test, the_live_copy_of_a_replayed_message_is_not_delivered_again) {
    start();
    auto &p = connect("pub"), &s = connect("sub");
    in_kafka([](fake_kafka& k) { k.answers = false; });
    publish(p, "a", "x", 1, {.retain = true});  // on the retained topic only, so far
    subscribe(s, {{"a", 1, 0, 0}});
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_TRUE(s.publishes[0].retain);
    in_kafka([](fake_kafka& k) { k.answers = true, k.answer_all(); });
    EXPECT_EQ(kafka().records("mqtt-messages").size(), 1u);
    EXPECT_EQ(s.publishes.size(), 1u);
    publish(p, "a", "y", 2, {.retain = true});
    EXPECT_EQ(s.publishes.size(), 2u);
}

TEST_F(catch_up_test, a_long_replay_follows_the_client) {
    start([](fake_kafka& k) {
        k.topic("mqtt-retained").partitions.resize(3);
        for (int i = 0; i < 900; ++i)
            k.topic("mqtt-retained")
                .partitions[static_cast<size_t>(i % 3)]
                .push_back(record("a/" + std::to_string(i), "x", {{"zilla:qos", "1"}}));
    });
    auto& s = connect("sub", 10);
    s.acknowledges = false;
    subscribe(s, {{"a/#", 1, 0, 0}});
    EXPECT_EQ(s.publishes.size(), 10u);
    EXPECT_LT(kafka().history_records,
              history_records_max + 20);  // reading stops where the client does
    size_t acknowledged = 0;
    while (acknowledged < s.publishes.size())
        as(s, [&](fake_client& x) {
            for (const size_t end = x.publishes.size(); acknowledged < end;)
                x.puback(x.publishes[acknowledged++].packet_id);
        });
    std::set<std::string> topics;
    for (const auto& m : s.publishes) topics.insert(m.topic);
    EXPECT_EQ(s.publishes.size(), 900u);
    EXPECT_EQ(topics.size(), 900u);
    in_proxy([](proxy& p) { EXPECT_EQ(p.index.size(), 1u); });
}

TEST_F(catch_up_test, replay_respects_no_local_and_expiry) {
    start();
    auto& s = connect("me");
    publish(s, "mine", "x", 1, {.retain = true});
    in_kafka([](fake_kafka& k) {
        auto old = record("old", "x", {{"zilla:expiry", std::string("\0\0\0\x01", 4)}});
        old.timestamp_ms -= 5000;
        k.append("mqtt-retained", old);
        k.append("mqtt-retained", record("foreign", "x"));
    });
    subscribe(s, {{"#", 1, WEFT_MQTT_NO_LOCAL, 0}});
    ASSERT_EQ(s.publishes.size(), 1u);
    EXPECT_EQ(s.publishes[0].topic, "foreign");
}

TEST_F(catch_up_test, a_session_that_ends_in_a_replay) {
    start();
    auto &p = connect("pub"), &s = connect("sub"), &t = connect("other");
    publish(p, "a", "x", 1, {.retain = true});
    in_kafka([](fake_kafka& k) { k.history_waits = true; });
    subscribe(s, {{"a", 1, 0, 0}});
    subscribe(t, {{"a", 1, 0, 0}});
    as(s, [](fake_client& x) { x.end(); });
    as(t, [](fake_client& x) { x.unsubscribe(9, {"a"}); });
    in_kafka([](fake_kafka& k) { k.history_go(); });
    EXPECT_TRUE(s.publishes.empty());
    EXPECT_TRUE(t.publishes.empty());
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_HISTORY), 0u);
}

TEST_F(catch_up_test, a_missing_retained_topic_is_named) {
    start([](fake_kafka& k) { k.topic("mqtt-retained").exists = false; });
    auto& s = connect("sub");
    subscribe(s, {{"a", 1, 0, 0}, {"b", 1, 0, 2}});
    EXPECT_THAT(s.subacks.at(0).reasons, ElementsAre(0x83, 1));
    EXPECT_EQ(s.subacks[0].text, "Kafka topic 'mqtt-retained' does not exist");
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
