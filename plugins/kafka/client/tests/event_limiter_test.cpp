#include "client/event_limiter.hpp"

#include <gtest/gtest.h>

namespace weft::kafka::client {
namespace {

constexpr uint64_t ms = 1'000'000;

TEST(event_limiter, first_at_once_then_growing_pauses) {
    event_limiter l;
    int told = 0;
    for (uint64_t t = 0; t < 600'000; t += 100) told += l.allow("broker a", t * ms);
    // Pauses of 10, 20 and 40 s, then of a minute.
    EXPECT_EQ(told, 1 + 3 + 8);
}

TEST(event_limiter, keys_are_apart) {
    event_limiter l;
    EXPECT_TRUE(l.allow("a", 0));
    EXPECT_TRUE(l.allow("b", 0));
    EXPECT_FALSE(l.allow("a", ms));
}

TEST(event_limiter, the_end_is_told_once_and_starts_anew) {
    event_limiter l;
    EXPECT_FALSE(l.over("a"));
    EXPECT_TRUE(l.allow("a", 0));
    EXPECT_TRUE(l.over("a"));
    EXPECT_FALSE(l.over("a"));
    EXPECT_TRUE(l.allow("a", ms));
}

}  // namespace
}  // namespace weft::kafka::client
