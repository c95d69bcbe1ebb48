#include "happy_eyeballs.hpp"

#include "limits.hpp"

#include <gmock/gmock.h>

#include <cerrno>

using namespace weft::tcp;
using testing::ElementsAre;

namespace {

constexpr uint64_t ms = 1'000'000;
constexpr uint64_t stagger = limits::connect_stagger_ms * ms;

std::vector<socket_address> addresses(std::initializer_list<const char*> literals) {
    std::vector<socket_address> out;
    for (const char* l : literals) out.push_back(*socket_address::parse(l, 1));
    return out;
}

}  // namespace

TEST(happy_eyeballs, families_alternate_beginning_with_the_preferred) {
    const happy_eyeballs race(
        addresses({"2001:db8::1", "2001:db8::2", "2001:db8::3", "10.0.0.1", "10.0.0.2"}));
    std::vector<std::string> order;
    for (size_t i = 0; i < race.size(); ++i) order.push_back(race.address(i).host());
    EXPECT_THAT(order,
                ElementsAre("2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2", "2001:db8::3"));
    const happy_eyeballs v4_first(addresses({"10.0.0.1", "10.0.0.2", "::1"}));
    EXPECT_EQ(v4_first.address(1).host(), "::1");
}

TEST(happy_eyeballs, next_attempt_after_the_stagger) {
    happy_eyeballs race(addresses({"::1", "127.0.0.1"}));
    EXPECT_EQ(race.next(100), 0u);
    EXPECT_FALSE(race.next(100));
    EXPECT_EQ(race.wake_at(), 100 + stagger);
    EXPECT_FALSE(race.next(99 + stagger));
    EXPECT_EQ(race.next(100 + stagger), 1u);
    EXPECT_FALSE(race.wake_at()) << "both run, nothing is left to start";
    EXPECT_FALSE(race.lost());
}

TEST(happy_eyeballs, failure_starts_the_next_at_once) {
    happy_eyeballs race(addresses({"::1", "127.0.0.1", "127.0.0.2"}));
    EXPECT_EQ(race.next(0), 0u);
    race.failed(0, ECONNREFUSED);
    EXPECT_EQ(race.next(1 * ms), 1u);
    EXPECT_EQ(race.wake_at(), 1 * ms + stagger) << "the delay counts from the newest attempt";
    race.failed(1, ECONNREFUSED);
    EXPECT_EQ(race.next(2 * ms), 2u);
    EXPECT_FALSE(race.lost());
    race.failed(2, ECONNREFUSED);
    EXPECT_TRUE(race.lost());
    EXPECT_EQ(race.error(), ECONNREFUSED);
}

TEST(happy_eyeballs, failure_of_one_of_two_running_starts_a_third) {
    happy_eyeballs race(addresses({"::1", "127.0.0.1", "::2"}));
    EXPECT_EQ(race.next(0), 0u);
    EXPECT_EQ(race.next(stagger), 1u);
    race.failed(1, ECONNREFUSED);
    EXPECT_EQ(race.next(stagger + 1), 2u);
    race.failed(2, ENETUNREACH);
    EXPECT_FALSE(race.lost()) << "the first still runs";
    race.failed(0, EHOSTUNREACH);
    EXPECT_TRUE(race.lost());
}

TEST(happy_eyeballs, the_telling_error_stays) {
    happy_eyeballs race(addresses({"::1", "127.0.0.1", "::2"}));
    race.next(0);
    race.failed(0, ENETUNREACH);
    race.next(0);
    race.failed(1, ECONNREFUSED);
    race.next(0);
    race.failed(2, EADDRNOTAVAIL);
    EXPECT_EQ(race.error(), ECONNREFUSED);

    happy_eyeballs all_local(addresses({"::1"}));
    all_local.next(0);
    all_local.failed(0, ENETUNREACH);
    EXPECT_EQ(all_local.error(), ENETUNREACH);
}

TEST(happy_eyeballs, number_of_addresses_is_bounded) {
    std::vector<socket_address> many(1000, *socket_address::parse("10.0.0.1", 1));
    EXPECT_EQ(happy_eyeballs(many).size(), limits::connect_addresses_max);
    EXPECT_TRUE(happy_eyeballs({}).lost());
}
