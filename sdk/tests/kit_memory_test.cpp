// Slices that are kept, used or changed against the rules, and memory that runs out.
#include "kit_support.hpp"

#include <cstring>

namespace {

using kit::fixed;
using kit::play;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class kit_memory : public kit::kit_test {
protected:
    kit_memory() {
        play.accept = [](auto, weft::stream s, auto&) {
            s.begin();
            s.window(1000);
            return true;
        };
    }
    // A stream to the binding, with f called for each DATA.
    weft::testing::peer& open(
        std::function<void(weft::worker, weft::stream, const weft_slice&)> f) {
        play.frame = [f = std::move(f)](weft::worker w, weft::stream s, const weft_frame& x) {
            if (x.kind == WEFT_DATA) f(w, s, weft::endpoint::as<weft_data>(x).iov[0]);
        };
        auto& client = host.run(weft_plugin_1).open();
        client.window(1000);
        return client;
    }
};

TEST_F(kit_memory, a_slice_that_is_retained_may_be_sent_later) {
    weft::chunk kept;
    auto& client = open([&](auto, weft::stream s, const weft_slice& x) {
        if (kept.empty())
            kept = weft::chunk::retain(x);
        else
            s.data(kept.slice()), kept.reset();
    });
    EXPECT_THAT(broken([&] {
                    client.send("first");
                    client.send("second");
                }),
                IsEmpty());
    EXPECT_EQ(client.take_data(), "first");
    host.finish();
    EXPECT_EQ(host.buffers_alive(), 0u);
}

TEST_F(kit_memory, a_borrowed_slice_that_is_kept) {
    weft_slice kept{};
    auto& client = open([&](auto, weft::stream s, const weft_slice& x) {
        if (kept.owner) s.data(kept);
        kept = x;
    });
    EXPECT_THAT(broken([&] { client.send("first"); }), IsEmpty());
    EXPECT_THAT(broken([&] { client.send("second"); }), ElementsAre("slice.freed"));
}

TEST_F(kit_memory, a_borrowed_slice_that_is_read_later_is_poisoned) {
    weft_slice kept{};
    std::string read;
    auto& client = open([&](auto, auto, const weft_slice& x) {
        if (kept.owner) read = weft::text_of(kept);
        kept = x;
    });
    client.send("first");
    client.send("second");
    EXPECT_EQ(read, std::string(5, '\xDD'));
    host.finish();
}

TEST_F(kit_memory, a_reference_given_up_twice) {
    auto& client = open([&](weft::worker w, auto, const weft_slice&) {
        uint8_t* bytes = nullptr;
        const weft_slice s = w.alloc(8, bytes).slice();  // released as the chunk goes
        weft::services.buffers->release(&s);
    });
    EXPECT_THAT(broken([&] { client.send("x"); }), ElementsAre("slice.released"));
}

TEST_F(kit_memory, a_reference_never_given_up) {
    auto& client =
        open([&](auto, auto, const weft_slice& x) { weft::services.buffers->retain(&x); });
    client.send("x");
    EXPECT_THAT(broken([&] { host.finish(); }), ElementsAre("leak.buffer"));
}

TEST_F(kit_memory, bytes_that_change_after_they_were_sent) {
    weft::chunk kept;
    auto& client = open([&](weft::worker w, weft::stream s, auto&) {
        uint8_t* bytes = nullptr;
        kept = w.alloc(4, bytes);
        std::memcpy(bytes, "abcd", 4);
        s.data(kept.slice());
        bytes[0] = 'X';
        kept.reset();
    });
    EXPECT_THAT(broken([&] { client.send("x"); }), ElementsAre("slice.immutable"));
}

TEST_F(kit_memory, bytes_that_came_and_are_changed) {
    auto& client =
        open([&](auto, auto, const weft_slice& x) { const_cast<uint8_t*>(x.data)[0] = 'X'; });
    EXPECT_THAT(broken([&] { client.send("x"); }), ElementsAre("slice.immutable"));
}

TEST_F(kit_memory, a_slice_of_the_stack) {
    auto& client = open([&](auto, weft::stream s, auto&) {
        char local[8] = "local";
        s.data(fixed({local, 5}));
    });
    EXPECT_THAT(broken([&] { client.send("x"); }), ElementsAre("slice.owner"));
}

TEST_F(kit_memory, a_slice_that_leaves_its_buffer) {
    auto& client = open([&](auto, weft::stream s, weft_slice x) {
        ++x.len;
        s.data(x);
    });
    EXPECT_THAT(broken([&] { client.send("x"); }), ElementsAre("slice.bounds"));
}

TEST_F(kit_memory, wrapped_memory_comes_back_once) {
    static int released = 0;
    released = 0;
    auto& client = open([&](weft::worker w, weft::stream s, auto&) {
        weft_slice x{};
        static const char text[] = "wrapped";
        ASSERT_EQ(weft::services.buffers->wrap(
                      w.handle(), text, 7, [](void*) { ++released; }, nullptr, &x),
                  WEFT_OK);
        const auto c = weft::chunk::adopt(x);
        s.data(c.slice());
    });
    client.send("x");
    client.expect(WEFT_BEGIN);
    EXPECT_EQ(client.expect_data(), "wrapped");
    EXPECT_EQ(released, 1);
    host.finish();
}

TEST_F(kit_memory, wrapped_memory_that_outlives_the_instance) {
    auto& client = open([&](weft::worker w, auto, auto&) {
        weft_slice x{};
        static const char text[] = "wrapped";
        weft::services.buffers->wrap(
            w.handle(), text, 7, [](void*) {}, nullptr, &x);
    });
    client.send("x");
    EXPECT_THAT(broken([&] { host.finish(); }), ElementsAre("leak.buffer", "leak.buffer"));
}

TEST_F(kit_memory, it_runs_out_on_order) {
    std::vector<bool> got;
    auto& client = open([&](weft::worker w, auto, auto&) {
        uint8_t* bytes = nullptr;
        const auto c = w.alloc(4, bytes);
        got.push_back(bytes != nullptr);
    });
    host.allocations_left(1);
    client.send("1");
    client.send("2");
    host.allocations_left(-1);
    client.send("3");
    EXPECT_THAT(got, ElementsAre(true, false, true));
    host.finish();
}

TEST_F(kit_memory, an_unshared_slice_on_another_thread) {
    auto& client = open([&](auto, auto, const weft_slice& x) {
        auto kept = weft::chunk::retain(x);
        std::thread([&] { const auto other = kept.copy(); }).join();
    });
    EXPECT_THAT(broken([&] { client.send("x"); }), Contains("thread"));
}

TEST_F(kit_memory, a_shared_slice_on_another_thread) {
    auto& client = open([&](auto, auto, const weft_slice& x) {
        weft::services.buffers->share(&x);
        auto kept = weft::chunk::retain(x);
        std::thread([c = std::move(kept)]() mutable { c.reset(); }).join();
    });
    EXPECT_THAT(broken([&] { client.send("x"); }), IsEmpty());
    host.finish();
}

}  // namespace
