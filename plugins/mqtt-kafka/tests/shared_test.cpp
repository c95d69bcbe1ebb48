// Shared subscriptions: who gets what, what comes back, and what the group has committed.
#include "tests/world.hpp"

#include <set>

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string group_g = "zilla:n-b-$share-g";

struct shared_test : world {
    std::set<std::string> both(const fake_client& a, const fake_client& b) {
        std::set<std::string> out;
        for (const auto* c : {&a, &b})
            for (const auto& p : c->publishes) out.insert(p.payload);
        return out;
    }
    // The only group of the worker that reads for it, and its only place.
    int64_t committed(uint32_t w = 0) {
        int64_t next = -1;
        in_kafka(
            [&](fake_kafka& k) {
                for (const auto& [name, places] : k.groups)
                    if (name.ends_with("-$share-g") && !places.empty())
                        next = places.begin()->second;
            },
            w);
        return next;
    }
    void close(fake_client& c) {
        as(c, [](fake_client& x) { x.abort(); });
        settle();
    }
};

TEST_F(shared_test, each_message_goes_to_one_member_in_turn) {
    start();
    auto &p = connect("pub"), &a = connect("a"), &b = connect("b");
    subscribe(a, {{"$share/g/t"}});
    subscribe(b, {{"$share/g/t"}});
    EXPECT_THAT(a.subacks.at(0).reasons, ElementsAre(1));
    for (uint16_t n = 1; n <= 4; ++n) publish(p, "t", std::to_string(n), n);
    settle();
    EXPECT_THAT(payloads(a), ElementsAre("1", "3"));
    EXPECT_THAT(payloads(b), ElementsAre("2", "4"));
}

TEST_F(shared_test, groups_and_plain_subscriptions_each_get_all) {
    start();
    auto &p = connect("pub"), &a = connect("a"), &b = connect("b"), &c = connect("c");
    subscribe(a, {{"$share/g/t"}});
    subscribe(b, {{"$share/h/t"}});
    subscribe(c, {{"t"}, {"$share/h/+"}});
    publish(p, "t", "x");
    settle();
    EXPECT_THAT(payloads(a), ElementsAre("x"));
    EXPECT_THAT(payloads(b), ElementsAre("x"));
    EXPECT_THAT(payloads(c), ElementsAre("x", "x"));  // one for each of its subscriptions
}

TEST_F(shared_test, a_full_member_is_skipped_and_a_full_group_waits) {
    start();
    auto &p = connect("pub"), &a = connect("a", 1), &b = connect("b", 2);
    a.acknowledges = b.acknowledges = false;
    subscribe(a, {{"$share/g/t"}});
    subscribe(b, {{"$share/g/t"}});
    for (uint16_t n = 1; n <= 6; ++n) publish(p, "t", std::to_string(n), n);
    settle();
    EXPECT_EQ(a.publishes.size(), 1u);
    EXPECT_EQ(b.publishes.size(), 2u);
    as(b, [](fake_client& c) {
        c.acknowledges = true;
        for (const auto& x : c.publishes) c.puback(x.packet_id);
    });
    settle();
    EXPECT_EQ(a.publishes.size(), 1u);
    EXPECT_EQ(both(a, b).size(), 6u);
    EXPECT_THAT(payloads(b), testing::SizeIs(5));
}

TEST_F(shared_test, what_a_lost_member_has_not_acknowledged_goes_to_another) {
    start();
    auto &p = connect("pub"), &a = connect("a");
    a.acknowledges = false;
    subscribe(a, {{"$share/g/t"}});
    publish(p, "t", "1", 1);
    publish(p, "t", "2", 2);
    auto& b = connect("b");
    subscribe(b, {{"$share/g/t"}});
    EXPECT_THAT(payloads(b), IsEmpty());
    close(a);
    EXPECT_THAT(payloads(b), ElementsAre("1", "2"));
    EXPECT_FALSE(b.publishes[0].dup);
}

// [MQTT-4.8.2-5]
TEST_F(shared_test, qos_2_stays_with_its_session) {
    start();
    auto &p = connect("pub"), &a = connect("a");
    a.acknowledges = false;
    subscribe(a, {{"$share/g/t", 2}});
    publish(p, "t", "1", 1, {.qos = 2});
    settle();
    ASSERT_THAT(payloads(a), ElementsAre("1"));
    auto& b = connect("b");
    subscribe(b, {{"$share/g/t", 2}});
    close(a);
    EXPECT_THAT(payloads(b), IsEmpty());
}

TEST_F(shared_test, after_unsubscribe_nothing_more_comes) {
    start();
    auto &p = connect("pub"), &a = connect("a"), &b = connect("b");
    subscribe(a, {{"$share/g/t"}});
    subscribe(b, {{"$share/g/t"}});
    as(a, [](fake_client& c) { c.unsubscribe(9, {"$share/g/t", "$share/g/u"}); });
    settle();
    EXPECT_THAT(a.subacks.back().reasons, ElementsAre(0, 0x11));
    publish(p, "t", "1", 1);
    publish(p, "t", "2", 2);
    settle();
    EXPECT_THAT(payloads(a), IsEmpty());
    EXPECT_THAT(payloads(b), ElementsAre("1", "2"));
}

TEST_F(shared_test, the_oldest_unacknowledged_is_committed) {
    start();
    auto &p = connect("pub"), &a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    const int64_t began = committed();
    ASSERT_GE(began, 0);
    publish(p, "t", "1", 1);
    settle();
    as(a, [](fake_client& c) { c.acknowledges = false; });
    publish(p, "t", "2", 2);
    publish(p, "t", "3", 3);
    settle();
    close(a);
    EXPECT_EQ(committed(), began + 1);
    auto& b = connect("b");
    subscribe(b, {{"$share/g/t"}});
    EXPECT_THAT(payloads(b), UnorderedElementsAre("2", "3"));
    close(b);
    EXPECT_EQ(committed(), began + 3);
}

// Answered before, what is published next could be lost by a crash.
TEST_F(shared_test, members_are_answered_when_the_place_is_committed) {
    properties = {{"weft.binding.mqtt.kafka.share.commit.ms", "20"}};
    start([](fake_kafka& k) { k.commit_error = 30; });
    auto &p = connect("pub"), &a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    publish(p, "t", "1", 1);
    settle();
    EXPECT_THAT(a.subacks, IsEmpty());
    EXPECT_EQ(committed(), -1);
    until([&] { return logged("binding.mqtt.kafka.share.commit.failed", "error of the test"); });
    in_kafka([](fake_kafka& k) { k.commit_error = 0; });
    until([&] { return !a.subacks.empty(); });
    EXPECT_THAT(a.subacks.at(0).reasons, ElementsAre(1));
    until([&] { return payloads(a) == std::vector<std::string>{"1"}; });
}

TEST_F(shared_test, a_place_that_cannot_be_committed_is_refused_in_time) {
    properties = {{"weft.binding.mqtt.kafka.kafka.wait.ms", "50"}};
    start([](fake_kafka& k) { k.commit_error = 30; });
    auto& a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    until([&] { return !a.subacks.empty(); });
    EXPECT_THAT(a.subacks.at(0).reasons, ElementsAre(0x83));
    EXPECT_THAT(a.subacks.at(0).text, testing::HasSubstr("not written, in Kafka"));
    in_kafka([](fake_kafka& k) { k.commit_error = 0; });
}

TEST_F(shared_test, a_group_before_the_logs_begin_goes_on_there_and_says_so) {
    start([](fake_kafka& k) {
        for (int n = 0; n < 5; ++n) k.append("mqtt-messages", record("t", std::to_string(n)));
        k.groups[group_g][{"mqtt-messages", 0}] = 1;
        k.log_begin = 3;
    });
    auto& a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    EXPECT_THAT(payloads(a), ElementsAre("3", "4"));
    EXPECT_TRUE(logged("binding.mqtt.kafka.share.place.lost", "2 records are no longer there"));
    in_kafka([](fake_kafka& k) { k.log_begin = 0; });
}

TEST_F(shared_test, a_group_behind_the_logs_end_begins_anew_and_says_so) {
    start([](fake_kafka& k) {
        for (int n = 0; n < 2; ++n) k.append("mqtt-messages", record("t", std::to_string(n)));
        k.groups[group_g][{"mqtt-messages", 0}] = 100;
    });
    auto &p = connect("pub"), &a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    EXPECT_THAT(payloads(a), ElementsAre("0", "1"));
    EXPECT_TRUE(logged("binding.mqtt.kafka.share.place.lost", "stands at 100"));
    publish(p, "t", "2", 1);
    settle();
    EXPECT_THAT(payloads(a), ElementsAre("0", "1", "2"));
    close(a);
    EXPECT_EQ(committed(), 3);
}

TEST_F(shared_test, a_topic_that_is_made_anew_is_read_from_its_beginning) {
    start();
    auto &p = connect("pub"), &a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    a.acknowledges = false;
    publish(p, "t", "1", 1);
    publish(p, "t", "2", 2);
    settle();
    in_kafka([](fake_kafka& k) { k.make_anew("mqtt-messages", {record("t", "new")}); });
    settle();
    EXPECT_THAT(payloads(a), ElementsAre("1", "2", "new"));
    EXPECT_TRUE(logged("binding.mqtt.kafka.share.place.lost", "made anew"));
    as(a, [](fake_client& c) {
        for (const auto& x : c.publishes) c.puback(x.packet_id);
    });
    publish(p, "t", "next", 3);
    settle();
    EXPECT_EQ(payloads(a).back(), "next");
    close(a);
    EXPECT_EQ(committed(), 1) << "what is not acknowledged";
}

// By the mailbox of the other worker, as copies.
TEST_F(shared_test, members_on_two_workers) {
    workers = 2;
    start();
    auto &a = connect("a", 65535, 0), &b = connect("b", 65535, 1);
    subscribe(a, {{"$share/g/t"}});
    subscribe(b, {{"$share/g/t"}});
    until([&] { return a.subacks.size() + b.subacks.size() == 2; });
    for (uint32_t w = 0; w < 2; ++w)
        in_kafka(
            [](fake_kafka& k) {
                for (int n = 0; n < 6; ++n)
                    k.append("mqtt-messages", record("t", std::to_string(n)));
            },
            w);
    until([&] { return a.publishes.size() + b.publishes.size() == 6; });
    EXPECT_EQ(both(a, b).size(), 6u);
    EXPECT_EQ(a.publishes.size(), 3u);
}

TEST_F(shared_test, when_the_binding_is_replaced_members_stay_and_the_group_moves) {
    start();
    auto &p = connect("pub"), &a = connect("a"), &b = connect("b");
    subscribe(a, {{"$share/g/t"}});
    subscribe(b, {{"$share/g/t"}});
    a.acknowledges = b.acknowledges = false;
    publish(p, "t", "1", 1);
    publish(p, "t", "2", 2);
    settle();
    replace();
    settle();
    publish(p, "t", "3", 3);
    publish(p, "t", "4", 4);
    auto& c = connect("c");
    subscribe(c, {{"$share/g/t"}});
    publish(c, "t", "5", 1);
    publish(c, "t", "6", 2);
    until([&] { return a.publishes.size() + b.publishes.size() + c.publishes.size() == 6; });
    EXPECT_FALSE(a.reset_reason || b.reset_reason);
    for (const auto* x : {&a, &b, &c}) EXPECT_FALSE(x->publishes.empty());
    in_generation(0, [](proxy& x) { EXPECT_TRUE(x.shares.idle()); });
    in_generation(1, [](proxy& x) { EXPECT_FALSE(x.shares.idle()); });
    // What was out before the move comes back to the next owner, and goes to others.
    c.acknowledges = true;
    close(a);
    until([&] { return b.publishes.size() + c.publishes.size() == 6; });
    as(b, [](fake_client& x) {
        for (const auto& y : x.publishes) x.puback(y.packet_id);
        x.acknowledges = true;
    });
    close(b);
    close(p);
    settle();
    EXPECT_TRUE(nothing_left(0));
    unload(0);
    close(c);
    EXPECT_EQ(committed(), 6);
}

TEST_F(shared_test, one_may_leave_and_come_while_the_group_moves) {
    start();
    auto &p = connect("pub"), &a = connect("a"), &b = connect("b");
    subscribe(a, {{"$share/g/t"}});
    in_kafka([](fake_kafka& k) { k.commit_waits = true; });
    publish(p, "t", "1", 1);
    close(a);  // the commit of its end is under way
    replace();
    subscribe(b, {{"$share/g/t"}});  // of the old generation
    publish(p, "t", "2", 2);
    settle();
    in_generation(0, [](proxy& x) { EXPECT_FALSE(x.shares.idle()); });
    in_kafka([](fake_kafka& k) { k.answer_commits(); });
    until([&] { return payloads(b) == std::vector<std::string>{"2"}; });
    EXPECT_THAT(b.subacks.at(0).reasons, ElementsAre(1));
    in_generation(0, [](proxy& x) { EXPECT_TRUE(x.shares.idle()); });
    close(b);
    EXPECT_EQ(committed(), 2);
}

// Of another configuration: it may read other topics for the same filter.
TEST_F(shared_test, members_of_a_binding_without_a_successor_join_again) {
    start();
    auto &p = connect("pub"), &a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    publish(p, "t", "1", 1);
    in_proxy([](proxy& x) { x.drain(WEFT_DRAIN_REPLACE, UINT64_MAX); });
    settle();
    EXPECT_EQ(a.reset_reason, 0x8b);
    auto& b = connect("b");
    subscribe(b, {{"$share/g/t"}});
    EXPECT_THAT(b.subacks.at(0).reasons, ElementsAre(0x83));
    EXPECT_THAT(b.subacks.at(0).text, testing::HasSubstr("connect again"));
}

TEST_F(shared_test, while_the_kafka_binding_moves_nothing_is_committed_twice) {
    start();
    auto &p = connect("pub"), &a = connect("a");
    subscribe(a, {{"$share/g/t"}});
    in_kafka([](fake_kafka& k) { k.commit_waits = true; });
    publish(p, "t", "1", 1);
    close(a);
    in_kafka([](fake_kafka& k) { k.drain_all(WEFT_KAFKA_OFFSETS); });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_OFFSETS), 2u) << "until the commit is answered";
    in_kafka([](fake_kafka& k) { k.answer_commits(); });
    settle();
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_OFFSETS), 0u);
    EXPECT_EQ(committed(), 1);
}

TEST_F(shared_test, a_stored_session_goes_on_where_its_filter_was) {
    start([](fake_kafka& k) { k.groups[group_g][{"mqtt-messages", 0}] = 0; });
    auto &p = connect("pub"), &a = connect_durable("a"), &b = connect_durable("b");
    subscribe(a, {{"$share/g/one"}});
    subscribe(b, {{"$share/g/two"}});
    publish(p, "one", "1", 1);
    publish(p, "two", "2", 2);
    settle();
    EXPECT_THAT(payloads(b), ElementsAre("2"));
    crash();
    in_kafka([](fake_kafka& k) {
        k.append("mqtt-messages", record("one", "3"));
        k.append("mqtt-messages", record("two", "4"));
    });
    const auto ends_with = [](const fake_client& c, const std::string& last) {
        return !c.publishes.empty() && c.publishes.back().payload == last;
    };
    auto& a2 = connect_durable("a");
    until([&] { return ends_with(a2, "3"); });
    auto& b2 = connect_durable("b");  // the name is used by then
    until([&] { return ends_with(b2, "4"); });
}

TEST_F(shared_test, malformed_filters_are_refused) {
    start();
    auto& a = connect("a");
    subscribe(a, {{"$share/g"}, {"$share//t"}, {"$share/+/t"}, {"$share/g/"}, {"$share/g/a#"}});
    EXPECT_THAT(a.subacks.at(0).reasons, ElementsAre(0x8f, 0x8f, 0x8f, 0x8f, 0x8f));
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
