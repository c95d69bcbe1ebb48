#include "buffer/pool.hpp"

#include "worker/instance.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace weft {
namespace {

TEST(buffer_pool, memory_is_reused_and_counted) {
    buffer_pool pool([] {});
    pool.bind_to_current_thread();
    weft_slice a{}, b{};
    uint8_t* first = pool.alloc(100, &a);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(a.len, 100u);
    buffer_pool::retain(a.owner);
    buffer_pool::release(a.owner);
    EXPECT_EQ(pool.live(), 1u);
    buffer_pool::release(a.owner);
    EXPECT_EQ(pool.live(), 0u);
    EXPECT_EQ(pool.alloc(200, &b), first);  // the same class
    buffer_pool::release(b.owner);
}

TEST(buffer_pool, sizes_beyond_the_largest_class_work) {
    buffer_pool pool([] {});
    weft_slice s{};
    uint8_t* p = pool.alloc(buffer_pool::largest + 1, &s);
    ASSERT_NE(p, nullptr);
    p[buffer_pool::largest] = 1;
    buffer_pool::release(s.owner);
    EXPECT_EQ(pool.live(), 0u);
}

TEST(buffer_pool, wrapped_memory_is_given_back_once) {
    buffer_pool pool([] {});
    pool.bind_to_current_thread();
    weft_worker charged;
    int released = 0;
    weft_slice s{};
    ASSERT_TRUE(pool.wrap(
        &charged, "text", 4, [](void* c) { ++*static_cast<int*>(c); }, &released, &s));
    EXPECT_EQ(charged.buffers, 1u);
    buffer_pool::retain(s.owner);
    buffer_pool::release(s.owner);
    EXPECT_EQ(released, 0);
    buffer_pool::release(s.owner);
    EXPECT_EQ(released, 1);
    EXPECT_EQ(charged.buffers, 0u);
}

TEST(buffer_pool, the_last_release_on_another_thread_comes_home) {
    int wakes = 0;
    buffer_pool pool([&] { ++wakes; });
    pool.bind_to_current_thread();
    weft_worker charged;
    int released = 0;
    weft_slice s{};
    ASSERT_TRUE(pool.wrap(
        &charged, "text", 4, [](void* c) { ++*static_cast<int*>(c); }, &released, &s));
    buffer_pool::share(s.owner);
    std::thread([&] { buffer_pool::release(s.owner); }).join();
    EXPECT_EQ(released, 0);
    EXPECT_EQ(wakes, 1);
    pool.reclaim();
    EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace weft
