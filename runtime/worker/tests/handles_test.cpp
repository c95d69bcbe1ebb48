#include "worker/handles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace weft {
namespace {

TEST(handle_table, timers_come_out_in_order_of_time) {
    handle_table table;
    std::mt19937 random(7);
    std::vector<uint64_t> times;
    std::vector<uint64_t> ids;
    for (int i = 0; i < 1000; ++i) {
        times.push_back(random() % 5000);
        ids.push_back(table.add_timer(nullptr, times.back(), nullptr, nullptr));
    }
    for (int i = 0; i < 300; ++i) {  // some are cancelled, one of them twice
        table.remove(ids[static_cast<size_t>(i)]);
        table.remove(ids[static_cast<size_t>(i)]);
    }
    std::vector<uint64_t> expected(times.begin() + 300, times.end());
    std::sort(expected.begin(), expected.end());
    handle_slot slot;
    for (const uint64_t t : expected) {
        ASSERT_TRUE(table.has_timers());
        EXPECT_EQ(table.next_deadline(), t);
        ASSERT_TRUE(table.pop_due(t, slot));
    }
    EXPECT_FALSE(table.has_timers());
}

TEST(handle_table, a_timer_that_is_not_due_stays) {
    handle_table table;
    table.add_timer(nullptr, 10, nullptr, nullptr);
    handle_slot slot;
    EXPECT_FALSE(table.pop_due(9, slot));
    EXPECT_TRUE(table.pop_due(10, slot));
}

TEST(handle_table, a_stale_id_does_not_find_the_slot_s_next_user) {
    handle_table table;
    const uint64_t first = table.add_watch(nullptr, 3, 0, nullptr, nullptr);
    table.remove(first);
    const uint64_t second = table.add_watch(nullptr, 4, 0, nullptr, nullptr);
    EXPECT_EQ(table.find(first), nullptr);
    table.remove(first);
    ASSERT_NE(table.find(second), nullptr);
    EXPECT_EQ(table.find(second)->fd, 4);
    EXPECT_EQ(table.find(0), nullptr);
}

// There is one for each connection.
TEST(handle_table, a_slot_is_small) {
    EXPECT_LE(sizeof(handle_slot), 40u);
}

}  // namespace
}  // namespace weft
