#include "client/murmur2.hpp"

#include <gtest/gtest.h>

namespace weft::kafka {
namespace {

TEST(murmur2, vectors_of_the_reference) {
    EXPECT_EQ(murmur2_positive("client-1"), 111970434u);
    EXPECT_EQ(murmur2_positive("client-2"), 709143655u);
    EXPECT_EQ(murmur2_positive("client"), 1960817737u);
    EXPECT_EQ(murmur2_positive("sensor/one"), 789209548u);
    EXPECT_EQ(murmur2_positive("device/1"), 1747846642u);
    EXPECT_EQ(murmur2_positive("client-1#will"), 1483561138u);
}

// From the tests of Kafka's Java client, which has the sign.
TEST(murmur2, vectors_of_kafka) {
    EXPECT_EQ(static_cast<int32_t>(murmur2("21")), -973932308);
    EXPECT_EQ(static_cast<int32_t>(murmur2("foobar")), -790332482);
    EXPECT_EQ(static_cast<int32_t>(murmur2("a-little-bit-long-string")), -985981536);
    EXPECT_EQ(static_cast<int32_t>(murmur2("a-little-bit-longer-string")), -1486304829);
    EXPECT_EQ(static_cast<int32_t>(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")),
              -58897971);
    EXPECT_EQ(static_cast<int32_t>(murmur2("abc")), 479470107);
}

}  // namespace
}  // namespace weft::kafka
