// The binding itself is replaced: who stays where, what generations share, and how one ends.
#include "tests/world.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;

struct generation_test : world {
    void end(fake_client& c) {
        as(c, [](fake_client& x) { x.end(); });
    }
};

TEST_F(generation_test, sessions_stay_where_they_are_and_work_on) {
    start();
    auto &s = connect("sub"), &p = connect("pub");
    subscribe(s, {{"t"}});
    replace();
    auto& late = connect("late");
    EXPECT_TRUE(late.accepted);
    subscribe(late, {{"t"}});
    publish(p, "t", "from the old", 1);
    publish(late, "t", "from the new", 1);
    EXPECT_THAT(payloads(s), ElementsAre("from the old", "from the new"));
    EXPECT_THAT(payloads(late), ElementsAre("from the old", "from the new"));
    EXPECT_EQ(p.acks.size(), 1u);
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 4u);
    in_generation(0, [](proxy& x) { EXPECT_EQ(x.sessions.get(), 2u); });
    in_generation(1, [](proxy& x) { EXPECT_EQ(x.sessions.get(), 1u); });
}

TEST_F(generation_test, after_its_last_session_a_generation_has_nothing_left) {
    start();
    auto &a = connect("a"), &b = connect("b");
    subscribe(a, {{"t"}});
    replace();
    end(a);
    EXPECT_FALSE(nothing_left(0));
    end(b);
    settle();
    EXPECT_TRUE(nothing_left(0));
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 2u);
    unload(0);
    EXPECT_TRUE(connect("c").accepted);
}

TEST_F(generation_test, without_sessions_it_ends_at_once) {
    start();
    replace();
    settle();
    EXPECT_TRUE(nothing_left(0));
    unload(0);
}

TEST_F(generation_test, publishes_without_an_answer_keep_it) {
    start();
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) { k.answers = false; });
    publish(p, "t", "x", 1);
    replace();
    end(p);
    settle();
    EXPECT_FALSE(nothing_left(0));
    in_kafka([](fake_kafka& k) { k.answer_all(); });
    settle();
    EXPECT_TRUE(nothing_left(0));
}

TEST_F(generation_test, lost_streams_of_an_old_generation_are_opened_again) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    replace();
    in_kafka([](fake_kafka& k) { k.break_all(WEFT_KAFKA_TAIL); });
    until([&] { return kafka().open_streams(WEFT_KAFKA_TAIL) == 4; });
    in_kafka([&](fake_kafka& k) { k.append("mqtt-messages", record("t", "x")); });
    EXPECT_THAT(payloads(s), ElementsAre("x"));
}

TEST_F(generation_test, a_client_that_connects_again_takes_its_session_over) {
    workers = 2;
    start();
    auto &first = connect("one", 65535, 0), &other = connect("two", 65535, 0);
    replace();
    auto& second = connect("one", 65535, 1);
    until([&] { return first.closed; });
    EXPECT_EQ(first.reset_reason, 0x8e);
    EXPECT_TRUE(second.accepted);
    EXPECT_FALSE(other.closed);
    end(other);
    until([&] { return nothing_left(0, 0) && nothing_left(0, 1); });
    unload(0);
    // Nothing of the first generation is left in the table.
    auto &third = connect("one", 65535, 0), &fourth = connect("two", 65535, 1);
    until([&] { return second.closed; });
    EXPECT_TRUE(third.accepted);
    EXPECT_TRUE(fourth.accepted);
}

TEST_F(generation_test, at_the_deadline_clients_are_told_and_it_ends) {
    start();
    auto& c = connect("one");
    replace(in_ms(20));
    auto& fresh = connect("two");
    until([&] { return c.closed; });
    EXPECT_EQ(c.reset_reason, 0x8b);
    EXPECT_EQ(c.abort_reason, 0x8b);
    until([&] { return nothing_left(0); });
    EXPECT_FALSE(fresh.closed);
}

TEST_F(generation_test, an_earlier_deadline_counts) {
    start();
    auto& c = connect("one");
    replace();
    in_generation(0, [](proxy& p) { p.drain(WEFT_DRAIN_REPLACE, in_ms(3'600'000)); });
    in_generation(0, [](proxy& p) { p.drain(WEFT_DRAIN_REPLACE, in_ms(5)); });
    in_generation(0, [](proxy& p) { p.drain(WEFT_DRAIN_REPLACE, in_ms(7'200'000)); });
    until([&] { return c.closed; });
    EXPECT_EQ(c.reset_reason, 0x8b);
    until([&] { return nothing_left(0); });
}

TEST_F(generation_test, clients_that_wait_for_kafka_wait_on) {
    start([](fake_kafka& k) { k.reachable = false; });
    auto& c = connect("one");
    replace();
    EXPECT_FALSE(c.closed);
    in_kafka([](fake_kafka& k) {
        k.reachable = true;
        k.tell_status();
    });
    EXPECT_TRUE(c.accepted);
    in_generation(0, [](proxy& p) { EXPECT_EQ(p.sessions.get(), 1u); });
}

// What one generation has had acknowledged is not live for a subscription in the other.
TEST_F(generation_test, subscriptions_begin_behind_what_any_generation_has_had_acknowledged) {
    start();
    auto& p = connect("pub");
    replace();
    in_kafka([](fake_kafka& k) { k.stall_tails(); });
    publish(p, "t", "before", 1);
    ASSERT_EQ(p.acks.size(), 1u);
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    in_kafka([](fake_kafka& k) { k.drain_all(WEFT_KAFKA_TAIL); });
    publish(p, "t", "after", 2);
    EXPECT_THAT(payloads(s), ElementsAre("after"));
}

TEST_F(generation_test, three_generations_side_by_side) {
    start();
    auto& a = connect("a");
    replace();
    auto& b = connect("b");
    replace();
    auto& c = connect("c");
    auto& again = connect("a");
    until([&] { return a.closed; });
    until([&] { return nothing_left(0); });
    unload(0);
    end(b);
    until([&] { return nothing_left(1); });
    unload(1);
    EXPECT_FALSE(c.closed || again.closed);
}

TEST_F(generation_test, a_change_of_the_kafka_binding_reaches_old_generations) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    replace();
    for (const uint8_t role : {WEFT_KAFKA_TAIL, WEFT_KAFKA_META, WEFT_KAFKA_PRODUCE})
        in_kafka([&](fake_kafka& k) { k.drain_all(role); });
    publish(s, "t", "x", 1);
    EXPECT_THAT(payloads(s), ElementsAre("x"));
    end(s);
    settle();
    EXPECT_TRUE(nothing_left(0));
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
