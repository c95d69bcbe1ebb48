#include "identity_quota.hpp"

#include "fake_host.hpp"

#include <gtest/gtest.h>

namespace weft::mqtt {
namespace {

TEST(tally, counts_by_key) {
    tally t;
    EXPECT_EQ(t.of("a"), 0u);
    EXPECT_EQ(t.remove("a"), 0u);
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 1000; ++i)
            for (int n = 0; n < 1 + i % 3; ++n) ASSERT_TRUE(t.add("key " + std::to_string(i)));
        EXPECT_EQ(t.keys(), 1000u);
        for (int i = 0; i < 1000; ++i) {
            const auto key = "key " + std::to_string(i);
            const auto n = static_cast<uint64_t>(1 + i % 3);
            EXPECT_EQ(t.of(key), n);
            for (uint64_t left = n; left-- > 0;) EXPECT_EQ(t.remove(key), left);
            EXPECT_EQ(t.of(key), 0u);
        }
        EXPECT_EQ(t.keys(), 0u);
    }
}

TEST(identity_quota, counts_client_ids_of_an_identity) {
    testing::fake_host host;
    const identity_quota q("test:mqtt", 2);
    EXPECT_TRUE(q.enter("anna", "a"));
    EXPECT_TRUE(q.enter("anna", "b"));
    EXPECT_FALSE(q.enter("anna", "c"));
    EXPECT_TRUE(q.enter("anna", "a")) << "a takeover";
    EXPECT_TRUE(q.enter("bob", "c"));
    EXPECT_TRUE(q.enter("ann", "aa")) << "not anna's a";
    q.leave("anna", "a");
    EXPECT_FALSE(q.enter("anna", "c")) << "the one that took over is still there";
    q.leave("anna", "a");
    EXPECT_TRUE(q.enter("anna", "c"));
}

}  // namespace
}  // namespace weft::mqtt
