#include "write_queue.hpp"

#include "limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace weft::tcp;

namespace {

// A host whose buffers are counted: an owner is a plain counter.
struct counted {
    int references = 0;
};
int live_allocations = 0;
bool out_of_memory = false;

struct owned_block {
    int references = 1;
    std::array<uint8_t, 4096> bytes;
};

uint8_t* fake_alloc(weft_worker*, uint32_t cap, weft_slice* out) {
    if (out_of_memory || cap > sizeof(owned_block::bytes)) return nullptr;
    auto* b = new owned_block;
    ++live_allocations;
    *out = {reinterpret_cast<weft_buf*>(&b->references), b->bytes.data(), cap,
            1};  // flags 1: ours to delete
    return b->bytes.data();
}
void fake_retain(const weft_slice* s) {
    ++*reinterpret_cast<int*>(s->owner);
}
void fake_release(const weft_slice* s) {
    auto* count = reinterpret_cast<int*>(s->owner);
    if (--*count == 0 && s->flags == 1) {
        --live_allocations;
        delete reinterpret_cast<owned_block*>(count);
    }
}

class write_queue_test : public testing::Test {
protected:
    void SetUp() override {
        table_ = {sizeof table_, 0, fake_alloc, nullptr, fake_retain, fake_release, nullptr};
        weft::services.buffers = &table_;
        out_of_memory = false;
    }
    void TearDown() override {
        queue_.clear();
        EXPECT_EQ(owner_.references, 0);
        EXPECT_EQ(live_allocations, 0);
        weft::services.buffers = nullptr;
    }
    weft_slice slice(const char* text) {
        return {reinterpret_cast<weft_buf*>(&owner_.references),
                reinterpret_cast<const uint8_t*>(text), static_cast<uint32_t>(std::strlen(text)),
                0};
    }
    std::string content() {
        std::array<iovec, 2048> iov;
        std::string out;
        const size_t n = queue_.gather(iov);
        for (size_t i = 0; i < n; ++i)
            out.append(static_cast<const char*>(iov[i].iov_base), iov[i].iov_len);
        return out;
    }

    weft_buffers_vt table_{};
    counted owner_;
    write_queue queue_;
};

}  // namespace

TEST_F(write_queue_test, keeps_order_and_references) {
    queue_.push(slice("hello "));
    queue_.push(slice(""));
    queue_.push(slice("world"));
    EXPECT_EQ(owner_.references, 2);
    EXPECT_EQ(queue_.bytes(), 11u);
    EXPECT_EQ(content(), "hello world");
}

TEST_F(write_queue_test, consumes_at_every_cut) {
    const std::string all = "abcdefghij";
    for (size_t first = 0; first <= all.size(); ++first) {
        for (const char* part : {"abc", "d", "efghij"}) queue_.push(slice(part));
        queue_.consume(first);
        EXPECT_EQ(content(), all.substr(first));
        EXPECT_EQ(queue_.bytes(), all.size() - first);
        queue_.consume(all.size() - first);
        EXPECT_TRUE(queue_.empty());
        EXPECT_EQ(owner_.references, 0);
    }
}

TEST_F(write_queue_test, lets_go_of_each_slice_as_it_is_written) {
    for (const char* part : {"abc", "def", "ghi"}) queue_.push(slice(part));
    queue_.consume(4);
    EXPECT_EQ(owner_.references, 2);
    queue_.push(slice("jkl"));
    EXPECT_EQ(content(), "efghijkl");
}

TEST_F(write_queue_test, what_the_kernel_is_told_comes_in_its_place) {
    const std::array<uint8_t, 3> keys{1, 2, 3};
    const std::array record{slice("ti"), slice("cket")};
    queue_.push(slice("sealed"));
    queue_.push_tls_keys(keys);
    queue_.push_record(record, 22);
    queue_.push(slice("plain"));
    EXPECT_EQ(queue_.bytes(), 17u);

    EXPECT_EQ(queue_.due(), nullptr);
    EXPECT_EQ(content(), "sealed") << "no further than the keys";
    queue_.consume(4);
    EXPECT_EQ(queue_.due(), nullptr);
    queue_.consume(2);
    ASSERT_NE(queue_.due(), nullptr);
    EXPECT_THAT(queue_.due()->keys, testing::ElementsAreArray(keys));
    queue_.pop_keys();

    ASSERT_NE(queue_.due(), nullptr);
    EXPECT_EQ(queue_.due()->content_type, 22);
    EXPECT_EQ(content(), "ticket");
    queue_.consume(3);
    ASSERT_NE(queue_.due(), nullptr) << "the rest is a record of its own";
    EXPECT_EQ(content(), "ket");
    queue_.consume(3);
    EXPECT_EQ(queue_.due(), nullptr);
    EXPECT_EQ(content(), "plain");
    queue_.consume(5);
    EXPECT_TRUE(queue_.empty());
}

TEST_F(write_queue_test, keys_alone_are_something_to_do) {
    const std::array<uint8_t, 1> keys{9};
    queue_.push(slice("sealed"));
    queue_.push_tls_keys(keys);
    queue_.consume(6);
    EXPECT_EQ(queue_.bytes(), 0u);
    EXPECT_FALSE(queue_.empty());
    ASSERT_NE(queue_.due(), nullptr);
    queue_.pop_keys();
    EXPECT_TRUE(queue_.empty());
    queue_.push(slice("plain"));
    EXPECT_EQ(queue_.due(), nullptr);
    EXPECT_EQ(content(), "plain");
}

TEST_F(write_queue_test, an_empty_record_is_none) {
    const std::array record{slice("")};
    queue_.push_record(record, 21);
    EXPECT_TRUE(queue_.empty());
}

TEST_F(write_queue_test, gather_is_bounded) {
    for (int i = 0; i < 10; ++i) queue_.push(slice("x"));
    std::array<iovec, 4> iov;
    EXPECT_EQ(queue_.gather(iov), 4u);
}

TEST_F(write_queue_test, many_small_slices_are_copied_together) {
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        queue_.push(slice("small"));
        expected += "small";
    }
    queue_.consume(7);
    queue_.compact(weft::worker());
    EXPECT_EQ(owner_.references, 0) << "the buffers that they were cut from are free";
    EXPECT_EQ(queue_.slices(), 1u);
    queue_.push(slice("more"));
    EXPECT_EQ(content(), expected.substr(7) + "more");
    queue_.consume(queue_.bytes());
    EXPECT_EQ(live_allocations, 0);
}

TEST_F(write_queue_test, few_or_large_slices_stay_and_lack_of_memory_is_no_harm) {
    const std::string large(2000, 'x');
    for (size_t i = 0; i < limits::compact_slices_min; ++i) queue_.push(slice("s"));
    queue_.compact(weft::worker());
    EXPECT_EQ(queue_.slices(), limits::compact_slices_min);
    queue_.clear();
    for (int i = 0; i < 20; ++i) queue_.push(slice(large.c_str()));
    queue_.compact(weft::worker());
    EXPECT_EQ(queue_.slices(), 20u);
    queue_.clear();
    out_of_memory = true;
    for (int i = 0; i < 100; ++i) queue_.push(slice("s"));
    queue_.compact(weft::worker());
    EXPECT_EQ(queue_.slices(), 100u);
}
