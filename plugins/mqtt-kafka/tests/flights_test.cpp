// What a shared subscription has out: cookies, their slots, and a table that another instance made.
#include "share/flights.hpp"

#include <gtest/gtest.h>

#include <set>

namespace weft::mqtt_kafka {
namespace {

uint64_t add(share_flights& f, int64_t offset) {
    const uint64_t cookie = f.next();
    f.add({0, 0, offset}, {1, 1});
    return cookie;
}

TEST(share_flights, a_cookie_is_taken_once) {
    share_flights f;
    const uint64_t a = add(f, 1), b = add(f, 2);
    EXPECT_NE(a, b);
    EXPECT_EQ(f.take(a).of.offset, 1);
    EXPECT_EQ(f.take(a).cookie, 0u);
    EXPECT_EQ(f.take(0).cookie, 0u);
    EXPECT_EQ(f.take(b + 1000).cookie, 0u);
    EXPECT_EQ(f.size(), 1u);
    EXPECT_EQ(f.take(b).of.offset, 2);
    EXPECT_TRUE(f.empty());
}

TEST(share_flights, slots_are_used_again_and_cookies_are_not) {
    share_flights f;
    std::set<uint64_t> seen;
    for (int64_t n = 0; n < 1000; ++n) {
        const uint64_t cookie = add(f, n);
        EXPECT_TRUE(seen.insert(cookie).second);
        EXPECT_EQ(f.take(cookie).of.offset, n);
    }
    add(f, 1000);
    size_t out = 0;
    f.each([&](const auto&) { ++out; });
    EXPECT_EQ(out, 1u);
}

TEST(share_flights, what_another_instance_had_out_keeps_its_cookies) {
    share_flights before;
    const uint64_t a = add(before, 1), b = add(before, 2), c = add(before, 3);
    before.take(b);
    std::vector<share_flights::flight> all;
    before.each([&](const auto& x) { all.push_back(x); });
    share_flights after;
    after.adopt(all);
    EXPECT_EQ(after.size(), 2u);
    EXPECT_EQ(after.take(b).cookie, 0u);
    const uint64_t d = add(after, 4);
    EXPECT_EQ((std::set{a, b, c, d}.size()), 4u);
    EXPECT_EQ(after.take(c).of.offset, 3);
    EXPECT_EQ(after.take(a).of.offset, 1);
    EXPECT_EQ(after.take(d).of.offset, 4);
    EXPECT_TRUE(after.empty());
}

}  // namespace
}  // namespace weft::mqtt_kafka
