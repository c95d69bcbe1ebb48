#include <weft/slab.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <stdexcept>

namespace weft {
namespace {

struct counted {
    static inline int alive = 0;
    explicit counted(int n) : number(n) {
        if (n < 0) throw std::invalid_argument("below 0");
        ++alive;
    }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --alive; }
    int number;
    char rest[97] = {};
};

std::set<int> numbers_of(slab<counted>& all) {
    std::set<int> out;
    all.for_each([&](counted& c) { EXPECT_TRUE(out.insert(c.number).second) << c.number; });
    return out;
}

TEST(slab, goes_through_those_that_are_there) {
    slab<counted> all;
    std::mt19937 random(3);
    std::vector<counted*> kept;
    std::set<int> expected;
    for (int i = 0; i < 5000; ++i) {
        kept.push_back(all.make(i));
        expected.insert(i);
        if (random() % 3 != 0) continue;
        std::swap(kept[random() % kept.size()], kept.back());
        expected.erase(kept.back()->number);
        all.destroy(kept.back());
        kept.pop_back();
    }
    EXPECT_EQ(numbers_of(all), expected);
    EXPECT_EQ(all.size(), expected.size());
    EXPECT_EQ(counted::alive, static_cast<int>(expected.size()));
    std::shuffle(kept.begin(), kept.end(), random);
    for (counted* c : kept) all.destroy(c);
    EXPECT_EQ(all.size(), 0u);
    EXPECT_EQ(counted::alive, 0);
    EXPECT_TRUE(numbers_of(all).empty());
}

TEST(slab, places_are_used_again_and_are_aligned) {
    struct alignas(32) wide {
        char bytes[96];
    };
    slab<wide> all;
    std::set<wide*> first, second;
    for (int i = 0; i < 1000; ++i) first.insert(all.make());
    for (wide* w : first) EXPECT_EQ(reinterpret_cast<uintptr_t>(w) % 32, 0u);
    EXPECT_EQ(first.size(), 1000u);
    const auto some = *first.begin();
    all.destroy(some);
    EXPECT_EQ(all.make(), some);
}

TEST(slab, what_throws_in_its_constructor_never_was) {
    slab<counted> all;
    all.make(1);
    EXPECT_THROW(all.make(-1), std::invalid_argument);
    EXPECT_EQ(all.size(), 1u);
    EXPECT_EQ(numbers_of(all), std::set<int>{1});
}

TEST(slab, what_is_left_goes_with_it) {
    {
        slab<counted> all;
        for (int i = 0; i < 500; ++i) all.make(i);
    }
    EXPECT_EQ(counted::alive, 0);
}

}  // namespace
}  // namespace weft
