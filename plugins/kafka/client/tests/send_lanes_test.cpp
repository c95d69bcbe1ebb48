#include "client/send_lanes.hpp"

#include "client/limits.hpp"

#include <gmock/gmock.h>

#include <array>

namespace weft::kafka::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct send_lanes_test : ::testing::Test {
    send_lanes lanes;
    send_lanes::topic topic;
    std::array<held, 32> records;
    size_t used = 0;
    uint64_t turn = 1;

    send_lane& lane(int32_t partition, int32_t leader = 0) {
        return lanes.lane(topic, partition, leader);
    }
    // A record for the partition. Did it go at once?
    bool record(int32_t partition, int32_t leader = 0) {
        auto& l = lane(partition, leader);
        if (lanes.admits(l, turn)) return lanes.sent(l), true;
        lanes.hold(l, records[used++]);
        return false;
    }
    // Sends what may be sent; the partitions, once per record.
    std::vector<int32_t> serve() {
        std::vector<int32_t> out;
        while (send_lane* l = lanes.next(turn)) {
            for (; l->first; l->take()) {
                lanes.sent(*l);
                out.push_back(l->partition);
            }
            lanes.sent_all(*l);
        }
        return out;
    }
};

TEST_F(send_lanes_test, a_turn_is_a_burst) {
    EXPECT_TRUE(record(0));
    EXPECT_TRUE(record(0));
    ++turn;
    EXPECT_FALSE(record(0));
    EXPECT_THAT(serve(), IsEmpty());
    lanes.answered(lane(0));
    EXPECT_THAT(serve(), IsEmpty());
    EXPECT_FALSE(record(0));
    lanes.answered(lane(0));
    EXPECT_THAT(serve(), ElementsAre(0, 0));
    EXPECT_FALSE(lanes.waiting());
}

TEST_F(send_lanes_test, nothing_overtakes_what_is_held) {
    record(0);
    ++turn;
    record(0);
    lanes.answered(lane(0));
    EXPECT_FALSE(record(0));
    EXPECT_THAT(serve(), ElementsAre(0, 0));
}

TEST_F(send_lanes_test, partitions_do_not_wait_for_each_other) {
    EXPECT_TRUE(record(0));
    ++turn;
    EXPECT_FALSE(record(0));
    EXPECT_TRUE(record(1));
}

TEST_F(send_lanes_test, a_broker_has_so_many_bursts_and_another_has_its_own) {
    for (int32_t p = 0; p < limits::bursts_max; ++p) EXPECT_TRUE(record(p));
    EXPECT_FALSE(record(limits::bursts_max));
    EXPECT_FALSE(record(limits::bursts_max + 1));
    EXPECT_TRUE(record(20, 1));
    EXPECT_THAT(serve(), IsEmpty());
    lanes.answered(lane(2));
    EXPECT_FALSE(record(2)) << "others stand in line before it";
    EXPECT_THAT(serve(), ElementsAre(limits::bursts_max));
    lanes.answered(lane(0));
    lanes.answered(lane(1));
    EXPECT_THAT(serve(), ElementsAre(limits::bursts_max + 1, 2));
}

TEST_F(send_lanes_test, what_takes_long_holds_up_nobody) {
    for (int32_t p = 0; p < limits::bursts_max; ++p) record(p);
    record(limits::bursts_max);
    turn = 5;
    lanes.discount(1);
    EXPECT_THAT(serve(), IsEmpty());
    lanes.discount(2);
    EXPECT_THAT(serve(), ElementsAre(limits::bursts_max));
    lanes.answered(lane(0));  // its answer gives nothing back twice
    for (int32_t p = 10; p < 10 + limits::bursts_max - 1; ++p) EXPECT_TRUE(record(p));
    EXPECT_FALSE(record(19));
}

TEST_F(send_lanes_test, what_could_not_be_sent_waits_for_the_retry) {
    record(0);
    ++turn;
    record(0);
    record(1);
    lanes.answered(lane(0));
    send_lane* l = lanes.next(turn);
    ASSERT_EQ(l, &lane(0));
    lanes.not_sent(*l);
    EXPECT_FALSE(record(0));
    EXPECT_THAT(serve(), IsEmpty());
    lanes.retry();
    EXPECT_THAT(serve(), ElementsAre(0, 0));
}

TEST_F(send_lanes_test, a_partition_moves_to_its_new_leader_when_it_is_idle) {
    for (int32_t p = 0; p < limits::bursts_max; ++p) record(p);
    ++turn;
    EXPECT_FALSE(record(0, 1)) << "not answered yet";
    lanes.answered(lane(0, 1));
    EXPECT_THAT(serve(), ElementsAre(0));
    lanes.answered(lane(0, 1));
    EXPECT_TRUE(record(0, 1));
    EXPECT_TRUE(record(9, 0));
}

}  // namespace
}  // namespace weft::kafka::client
