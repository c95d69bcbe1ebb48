// The Kafka binding below is replaced: shared streams move to successors, and no client notices.
#include "tests/world.hpp"

#include <random>

namespace weft::mqtt_kafka::test {
namespace {

using testing::ElementsAre;

struct move_test : world {
    void write(const std::string& value, const char* qos = "1", int32_t partition = 0) {
        in_kafka([&](fake_kafka& k) {
            k.append("mqtt-messages", record("t", value, {{"zilla:qos", qos}}), partition);
        });
    }
    void drain_all(uint8_t role) {
        in_kafka([&](fake_kafka& k) { k.drain_all(role); });
    }
    std::vector<std::string> written(const std::string& topic) {
        std::vector<std::string> out;
        for (const auto& r : kafka().records(topic)) out.push_back(r.value.value_or("-"));
        return out;
    }
};

TEST_F(move_test, tails_go_on_at_the_next_record) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    write("0");
    drain_all(WEFT_KAFKA_TAIL);
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 2u) << "two topics, and the old ones are gone";
    write("1");
    write("2", "0");
    EXPECT_THAT(payloads(s), ElementsAre("0", "1", "2"));
    EXPECT_EQ(kafka().history_opened, 0u);
}

TEST_F(move_test, the_old_tail_serves_until_the_successor_is_live) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    in_kafka([](fake_kafka& k) { k.tells = false; });
    drain_all(WEFT_KAFKA_TAIL);
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 4u);
    write("0");
    EXPECT_THAT(payloads(s), ElementsAre("0"));
    in_kafka([](fake_kafka& k) { k.tell_status(); });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 2u);
    write("1");
    EXPECT_THAT(payloads(s), ElementsAre("0", "1"));
    EXPECT_EQ(kafka().history_opened, 0u);
}

TEST_F(move_test, what_the_old_tail_still_owed_is_read_from_history) {
    start([](fake_kafka& k) { k.topic("mqtt-messages").partitions.resize(2); });
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    write("0");
    in_kafka([](fake_kafka& k) { k.stall_tails(); });
    write("1");
    write("2", "0");
    EXPECT_THAT(payloads(s), ElementsAre("0"));
    drain_all(WEFT_KAFKA_TAIL);
    EXPECT_THAT(payloads(s), ElementsAre("0", "1", "2"));
    EXPECT_EQ(kafka().history_opened, 1u) << "of the partition with the gap only";
    write("3");
    write("4", "1", 1);
    EXPECT_THAT(payloads(s), ElementsAre("0", "1", "2", "3", "4"));
}

TEST_F(move_test, what_the_successor_repeats_is_passed_over) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    for (int i = 0; i < 4; ++i) write(std::to_string(i));
    in_kafka([](fake_kafka& k) { k.tail_lag = 3; });
    drain_all(WEFT_KAFKA_TAIL);
    write("4");
    EXPECT_THAT(payloads(s), ElementsAre("0", "1", "2", "3", "4"));
}

TEST_F(move_test, a_partition_that_only_the_successor_knows_is_read_from_its_start) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    in_kafka([&](fake_kafka& k) {
        k.topic("mqtt-messages").partitions.push_back({record("t", "new", {{"zilla:qos", "1"}})});
    });
    EXPECT_TRUE(s.publishes.empty());
    drain_all(WEFT_KAFKA_TAIL);
    EXPECT_THAT(payloads(s), ElementsAre("new"));
}

TEST_F(move_test, a_successor_that_breaks_is_followed_by_another) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    in_kafka([](fake_kafka& k) { k.tells = false; });
    drain_all(WEFT_KAFKA_TAIL);
    in_kafka([](fake_kafka& k) { k.break_newest(WEFT_KAFKA_TAIL, 2); });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 2u);
    write("0");
    EXPECT_THAT(payloads(s), ElementsAre("0"));
    in_kafka([](fake_kafka& k) { k.tells = true; });
    in_kafka([](fake_kafka& k) { k.stall_tails(); });
    write("1");
    until([&] { return s.publishes.size() == 2; });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 2u);
}

TEST_F(move_test, a_tail_that_is_cut_off_before_its_successor_is_live_leaves_no_gap) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    in_kafka([](fake_kafka& k) { k.tells = false; });
    drain_all(WEFT_KAFKA_TAIL);
    in_kafka([](fake_kafka& k) { k.break_oldest(WEFT_KAFKA_TAIL, 2); });
    write("0");
    EXPECT_TRUE(s.publishes.empty());
    in_kafka([](fake_kafka& k) { k.tells = true, k.tell_status(); });
    EXPECT_THAT(payloads(s), ElementsAre("0"));
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_TAIL), 2u);
}

TEST_F(move_test, a_second_replacement_overtakes_the_first) {
    start();
    auto& s = connect("sub");
    subscribe(s, {{"t"}});
    in_kafka([](fake_kafka& k) { k.tells = false; });
    drain_all(WEFT_KAFKA_TAIL);
    in_kafka([](fake_kafka& k) { k.tells = true; });
    drain_all(WEFT_KAFKA_TAIL);  // the old ones, which know, and their successors
    until([&] { return kafka().open_streams(WEFT_KAFKA_TAIL) == 2; });
    write("0");
    EXPECT_THAT(payloads(s), ElementsAre("0"));
}

TEST_F(move_test, records_wait_until_those_before_are_answered) {
    start();
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) { k.writes = false; });
    publish(p, "t", "0", 1);
    publish(p, "t", "1", 2);
    drain_all(WEFT_KAFKA_PRODUCE);
    const size_t moving = kafka().open_streams(WEFT_KAFKA_PRODUCE);
    EXPECT_EQ(moving, 4u) << "three topics; those without outstanding records have moved";
    publish(p, "t", "2", 3);
    publish(p, "u", "3", 4);
    EXPECT_TRUE(p.acks.empty());
    EXPECT_TRUE(written("mqtt-messages").empty());
    in_kafka([](fake_kafka& k) { k.write_all(); });
    EXPECT_THAT(written("mqtt-messages"), ElementsAre("0", "1", "2", "3"));
    ASSERT_EQ(p.acks.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(p.acks[i].packet_id, i + 1);
        EXPECT_EQ(p.acks[i].reason, 0);
    }
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_PRODUCE), 3u);
}

TEST_F(move_test, what_waits_for_a_move_is_bounded_by_credit) {
    properties["weft.binding.mqtt.kafka.unacknowledged.bytes.max"] = "20000";
    start();
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) { k.writes = false; });
    publish(p, "t", "first", 1);
    drain_all(WEFT_KAFKA_PRODUCE);
    uint16_t id = 1;
    const auto has_credit = [&] {
        uint32_t credit = 0;
        as(p, [&](fake_client& x) { credit = x.credit(); });
        return credit >= 1256;
    };
    while (has_credit()) {
        ASSERT_LT(id, 1000u) << "nothing holds the client back";
        publish(p, "t", std::string(1000, 'x'), ++id);
    }
    in_kafka([](fake_kafka& k) { k.write_all(); });
    EXPECT_EQ(p.acks.size(), id);
    EXPECT_TRUE(has_credit());
}

TEST_F(move_test, a_record_that_is_half_sent_is_finished_first) {
    start([](fake_kafka& k) { k.produce_window = 1000; });
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) { k.produce_takes = false; });
    publish(p, "t", std::string(2500, 'x'), 1);
    drain_all(WEFT_KAFKA_PRODUCE);
    publish(p, "t", "after", 2);
    EXPECT_TRUE(p.acks.empty());
    in_kafka([](fake_kafka& k) { k.take_records(); });
    EXPECT_THAT(written("mqtt-messages"), ElementsAre(std::string(2500, 'x'), "after"));
    ASSERT_EQ(p.acks.size(), 2u);
    EXPECT_EQ(p.acks[0].reason, 0);
}

TEST_F(move_test, an_old_producer_that_breaks_fails_its_own_records_only) {
    start();
    auto& p = connect("pub");
    in_kafka([](fake_kafka& k) { k.writes = false; });
    publish(p, "t", "0", 1);
    drain_all(WEFT_KAFKA_PRODUCE);
    publish(p, "t", "1", 2);
    in_kafka([](fake_kafka& k) { k.writes = true, k.break_oldest(WEFT_KAFKA_PRODUCE, 1); });
    ASSERT_EQ(p.acks.size(), 2u);
    EXPECT_NE(p.acks[0].reason, 0);
    EXPECT_EQ(p.acks[1].reason, 0);
    EXPECT_THAT(written("mqtt-messages"), ElementsAre("1"));
}

TEST_F(move_test, meta_streams_are_opened_again_without_a_word_to_clients) {
    start();
    in_kafka([](fake_kafka& k) { k.tells = false; });
    drain_all(WEFT_KAFKA_META);
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_META), 4u);
    EXPECT_TRUE(connect("one").accepted);
    in_kafka([](fake_kafka& k) { k.tells = true, k.tell_status(); });
    EXPECT_EQ(kafka().open_streams(WEFT_KAFKA_META), 2u);
    EXPECT_TRUE(connect("two").accepted);
}

TEST_F(move_test, what_the_successor_says_counts_once_it_serves) {
    start();
    in_kafka([](fake_kafka& k) { k.tells = false; });
    drain_all(WEFT_KAFKA_META);
    in_kafka([](fake_kafka& k) {
        k.topic("mqtt-sessions").exists = false;
        k.tells = true;
        k.tell_newest(WEFT_KAFKA_META, 2);
    });
    EXPECT_TRUE(connect("one").accepted) << "the old one has said nothing of the kind";
    in_kafka([](fake_kafka& k) { k.break_oldest(WEFT_KAFKA_META, 1); });
    auto& two = connect("two");
    EXPECT_FALSE(two.accepted);
    in_kafka([](fake_kafka& k) {
        k.topic("mqtt-sessions").exists = true;
        k.tell_status();
    });
    EXPECT_TRUE(two.accepted);
}

// Any mix of writing, moving and breaking: every record once, in order, per partition; every
// publish answered in order.
TEST_F(move_test, random_moves_lose_and_repeat_nothing) {
    start([](fake_kafka& k) { k.topic("mqtt-messages").partitions.resize(3); });
    std::mt19937 random(11);
    auto &s = connect("sub"), &p = connect("pub");
    subscribe(s, {{"t"}});
    std::vector<std::vector<std::string>> sent(3);
    uint16_t id = 0;
    for (int i = 0; i < 400; ++i) {
        const auto partition = static_cast<int32_t>(random() % 3);
        const auto value = std::to_string(partition) + ":" + std::to_string(i);
        sent[static_cast<size_t>(partition)].push_back(value);
        write(value, "1", partition);
        switch (random() % 12) {
            case 0:
                in_kafka([&](fake_kafka& k) { k.tells = random() % 2 == 0; });
                drain_all(WEFT_KAFKA_TAIL);
                break;
            case 1:
                in_kafka([](fake_kafka& k) { k.tells = true, k.tell_status(); });
                break;
            case 2:
                in_kafka([](fake_kafka& k) { k.stall_tails(); });
                drain_all(WEFT_KAFKA_TAIL);
                break;
            case 3:
                in_kafka([&](fake_kafka& k) { k.tail_lag = static_cast<int64_t>(random() % 4); });
                break;
            case 4:
                in_kafka([](fake_kafka& k) { k.writes = false; });
                break;
            case 5:
                in_kafka([](fake_kafka& k) { k.write_all(); });
                break;
            case 6:
                drain_all(WEFT_KAFKA_PRODUCE);
                break;
            default:
                publish(p, "elsewhere", std::to_string(id), static_cast<uint16_t>(id + 1));
                ++id;
        }
    }
    in_kafka([](fake_kafka& k) { k.tells = true, k.write_all(); });
    drain_all(WEFT_KAFKA_TAIL);
    in_kafka([](fake_kafka& k) { k.tell_status(); });
    size_t expected = 0;
    for (const auto& list : sent) expected += list.size();
    until([&] { return s.publishes.size() >= expected && p.acks.size() == id; });
    std::vector<std::vector<std::string>> got(3);
    for (const auto& m : s.publishes)
        got[static_cast<size_t>(m.payload[0] - '0')].push_back(m.payload);
    EXPECT_EQ(got, sent);
    for (uint16_t i = 0; i < id; ++i) {
        EXPECT_EQ(p.acks[i].packet_id, i + 1);
        EXPECT_EQ(p.acks[i].reason, 0);
    }
    std::vector<std::string> order;
    for (size_t partition = 0; partition < 3; ++partition)
        for (const auto& r : kafka().records("mqtt-messages", partition))
            if (r.key == "elsewhere") order.push_back(*r.value);
    ASSERT_EQ(order.size(), id);
    for (uint16_t i = 0; i < id; ++i) EXPECT_EQ(order[i], std::to_string(i));
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
