#include "source_table.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

using namespace weft::tcp;
using outcome = source_table::outcome;

namespace {

constexpr uint64_t second = 1'000'000'000;

source_key key(const std::string& host) {
    const auto a = socket_address::parse(host, 1);
    EXPECT_TRUE(a) << host;
    return a ? source_key::of(*a) : source_key{};
}

source_limits limits_of(uint32_t rate, uint32_t burst, uint32_t connections = 0) {
    source_limits l;
    l.rate = rate;
    l.burst = burst;
    l.connections = connections;
    return l;
}

// How many of `n` are admitted at once.
int admitted(source_table& t, const source_key& k, const source_limits& l, uint64_t now, int n) {
    int out = 0;
    for (int i = 0; i < n; ++i) out += t.admit(k, l, now).is == outcome::admitted;
    return out;
}

}  // namespace

TEST(source_key, is_an_address_or_a_network_of_64_bits) {
    EXPECT_EQ(key("192.0.2.1").text(), "192.0.2.1");
    EXPECT_EQ(key("2001:db8:1:2:3:4:5:6").text(), "2001:db8:1:2::/64");
    EXPECT_EQ(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::"));
    EXPECT_FALSE(key("2001:db8:1:2::1") == key("2001:db8:1:3::1"));
    EXPECT_EQ(key("::ffff:192.0.2.1"), key("192.0.2.1")) << "on an IPv6 socket";
    EXPECT_FALSE(key("::c000:201:0:0:0:0") == key("192.0.2.1")) << "the same bits, no such address";
}

TEST(source_table, a_bucket_holds_a_burst_and_fills_at_the_rate) {
    source_table t;
    const auto l = limits_of(10, 5);
    const auto a = key("10.0.0.1"), b = key("10.0.0.2");
    EXPECT_EQ(admitted(t, a, l, second, 20), 5);
    EXPECT_EQ(admitted(t, b, l, second, 20), 5) << "each has its own";
    EXPECT_EQ(admitted(t, a, l, second + 99'000'000, 5), 0);
    EXPECT_EQ(admitted(t, a, l, second + 100'000'000, 5), 1) << "what was refused took nothing";
    EXPECT_EQ(admitted(t, a, l, second + 300'000'000, 5), 2);
    EXPECT_EQ(admitted(t, a, l, 100 * second, 20), 5) << "never more than the burst";
    EXPECT_EQ(admitted(t, a, l, 99 * second, 5), 0) << "a worker whose clock is behind";
    EXPECT_EQ(admitted(t, a, limits_of(1, 1), 200 * second, 5), 1);
    EXPECT_EQ(admitted(t, b, limits_of(1, 60), 300 * second, 99), 60);
    EXPECT_EQ(admitted(t, b, l, 300 * second, 5), 0) << "another rate, still empty";
    EXPECT_EQ(admitted(t, b, l, 300 * second + 100'000'000, 5), 1) << "and it fills at that";
}

TEST(source_table, counts_what_is_open) {
    source_table t;
    const auto l = limits_of(0, 0, 2);
    const auto a = key("10.0.0.1");
    const auto first = t.admit(a, l, 0), next = t.admit(a, l, 0);
    EXPECT_EQ(first.is, outcome::admitted);
    EXPECT_EQ(next.is, outcome::admitted);
    EXPECT_EQ(t.admit(a, l, 0).is, outcome::over_connections);
    EXPECT_EQ(t.admit(key("10.0.0.2"), l, 0).is, outcome::admitted);
    t.release(first.slot, l);
    EXPECT_EQ(t.admit(a, l, 0).is, outcome::admitted);
    EXPECT_EQ(t.admit(a, l, 0).is, outcome::over_connections);
}

TEST(source_table, tells_once_a_second_whom_it_refused) {
    source_table t;
    const auto l = limits_of(1, 1);
    const auto a = key("10.0.0.1"), b = key("10.0.0.2");
    EXPECT_EQ(admitted(t, a, l, second, 1) + admitted(t, b, l, second, 1), 2);
    auto v = t.admit(a, l, second);
    EXPECT_TRUE(v.tell);
    EXPECT_EQ(v.of_source, 1u);
    EXPECT_EQ(v.of_all, 1u);
    for (int i = 0; i < 6; ++i) EXPECT_FALSE(t.admit(i < 4 ? a : b, l, second + 1).tell);
    // Its bucket is full again a second later, and the first one is admitted.
    EXPECT_EQ(t.admit(a, l, 2 * second).is, outcome::admitted);
    v = t.admit(a, l, 2 * second);
    EXPECT_TRUE(v.tell);
    EXPECT_EQ(v.of_source, 5u);
    EXPECT_EQ(v.of_all, 7u);
}

TEST(source_table, forgets_who_was_quiet_longest_and_nobody_who_is_here) {
    source_table t;
    auto l = limits_of(1, 1, 1);
    l.remembered = 4;
    std::vector<uint32_t> open;
    for (int i = 0; i < 100; ++i) {
        const auto v = t.admit(key("10.0.1." + std::to_string(i)), l, second);
        ASSERT_EQ(v.is, outcome::admitted);
        open.push_back(v.slot);
    }
    EXPECT_EQ(t.size(), 100u) << "as many as there are connections";
    for (const auto slot : open) t.release(slot, l);
    EXPECT_EQ(t.size(), 4u);
    EXPECT_EQ(t.admit(key("10.0.1.99"), l, second).is, outcome::over_rate) << "remembered";
    EXPECT_EQ(t.admit(key("10.0.1.1"), l, second).is, outcome::admitted) << "forgotten";
    for (int i = 0; i < 1000; ++i)
        t.admit(key("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)),
                limits_of(1, 1), second);
    EXPECT_EQ(t.size(), 1004u) << "3 from before, 1 that is here, and by default many more";
    l.connections = 0;
    t.admit(key("10.2.0.1"), l, second);
    EXPECT_EQ(t.size(), 5u) << "a smaller limit holds at once";
    EXPECT_EQ(t.admit(key("10.0.1.1"), limits_of(0, 0, 1), second).is, outcome::over_connections);
}

TEST(source_table, is_one_for_all_threads) {
    source_table t;
    const auto l = limits_of(1, 300, 1000);
    std::vector<std::thread> threads;
    std::atomic<int> all{0};
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                const auto v = t.admit(key("10.0.0.1"), l, second);
                if (v.is != outcome::admitted) continue;
                ++all;
                t.release(v.slot, l);
            }
        });
    for (auto& x : threads) x.join();
    EXPECT_EQ(all, 300);
    EXPECT_EQ(t.size(), 1u);
}
