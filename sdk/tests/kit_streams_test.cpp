// What the kit's host delivers, in which order, and with what credit.
#include "kit_support.hpp"

namespace {

using kit::fixed;
using kit::play;
using ::testing::ElementsAre;
using weft::testing::expectation_failed;

class kit_streams : public kit::kit_test {};

TEST_F(kit_streams, data_goes_both_ways_within_the_credit) {
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        s.window(10);
        return true;
    };
    play.frame = [](auto, weft::stream s, const weft_frame& f) {
        if (f.kind == WEFT_DATA) s.data(weft::slices(weft::endpoint::as<weft_data>(f)));
    };
    auto& b = host.run(weft_plugin_1);
    auto& client = b.open();
    client.expect(WEFT_BEGIN);
    EXPECT_EQ(client.credit(), 10u);
    client.window(100);
    client.send("hello");
    EXPECT_EQ(client.expect_data(), "hello");
    EXPECT_EQ(client.credit(), 5u);
    EXPECT_THROW(client.send("too much"), std::logic_error);
    client.expect_nothing();
    EXPECT_THROW(client.expect(WEFT_END), expectation_failed);
    host.finish();
}

TEST_F(kit_streams, a_refused_stream_gets_reset_and_both_sides_are_closed) {
    play.accept = [](auto, auto, auto&) { return false; };
    auto& client = host.run(weft_plugin_1).open();
    client.expect(WEFT_RESET);
    EXPECT_TRUE(client.closed());
    host.finish();
}

TEST_F(kit_streams, an_instance_is_not_entered_while_it_runs) {
    int depth = 0, deepest = 0;
    std::vector<uint16_t> kinds;
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        s.window(100);
        return true;
    };
    play.frame = [&](auto, weft::stream s, const weft_frame& f) {
        deepest = std::max(deepest, ++depth);
        kinds.push_back(f.kind);
        if (f.kind == WEFT_WINDOW) s.data(fixed("question"));
        --depth;
    };
    auto& client = host.run(weft_plugin_1).open();
    client.on_frame = [](weft::testing::peer& p, const weft::testing::frame& f) {
        if (f.kind == WEFT_DATA) p.send("answer"), p.end();
    };
    client.window(8);
    EXPECT_EQ(deepest, 1);
    EXPECT_THAT(kinds, ElementsAre(WEFT_WINDOW, WEFT_DATA, WEFT_END));
    host.finish();
}

TEST_F(kit_streams, windows_of_one_turn_are_merged) {
    size_t windows = 0;
    uint32_t credit = 0;
    play.frame = [&](auto, weft::stream s, const weft_frame& f) {
        if (f.kind != WEFT_WINDOW) return;
        ++windows;
        credit = weft::endpoint::as<weft_window>(f).maximum;
        s.begin();
    };
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        return true;
    };
    play.frame = [&](auto, auto, const weft_frame& f) {
        if (f.kind != WEFT_WINDOW) return;
        ++windows;
        credit = weft::endpoint::as<weft_window>(f).maximum;
    };
    auto& client = host.run(weft_plugin_1).open();
    host.turn([&] {
        client.window(1);
        client.window(20);
        client.window(3);
    });
    EXPECT_EQ(windows, 1u);
    EXPECT_EQ(credit, 20u) << "credit that was given is not taken back";
    host.finish();
}

TEST_F(kit_streams, on_closed_comes_last_and_once) {
    std::vector<std::string> calls;
    play.accept = [](auto, weft::stream s, auto&) {
        s.begin();
        return true;
    };
    play.frame = [&](auto, weft::stream s, const weft_frame& f) {
        calls.push_back(weft::testing::kind_name(f.kind));
        if (f.kind == WEFT_END) s.end();
    };
    play.closed = [&](auto, auto) { calls.push_back("closed"); };
    auto& b = host.run(weft_plugin_1);
    auto& client = b.open();
    client.end();
    EXPECT_THAT(calls, ElementsAre("END", "closed"));
    EXPECT_EQ(b.streams(), 0u);
    host.finish();
    EXPECT_EQ(calls.size(), 2u);
}

TEST_F(kit_streams, what_the_binding_opens_is_played_by_the_test) {
    weft::testing::frame::copy({sizeof(weft_frame), WEFT_END, 0, 0, 0, nullptr});
    weft::stream outgoing;
    struct exit_end : weft::endpoint {
        void on_closed(weft::stream) override { delete this; }
    };
    play.accept = [&](weft::worker w, weft::stream, const weft_begin& b) {
        outgoing = w.open(play.exit, *new exit_end, b.h.meta);
        return true;
    };
    weft::meta_writer<weft_tcp_begin> m;
    m->remote_host = m.text("::1");
    auto& b = host.run(weft_plugin_1);
    b.open(m.get());
    auto& exit = host.accepted(weft::testing::exit_id);
    const auto meta = exit.opened_with().as<weft_tcp_begin>();
    ASSERT_TRUE(meta);
    EXPECT_EQ(meta.text(meta->remote_host), "::1");
    EXPECT_THROW(host.accepted(), expectation_failed);
    exit.begin();
    exit.window(5);
    EXPECT_EQ(outgoing.credit(), 5u);
    outgoing.data(fixed("12345"));
    EXPECT_EQ(exit.expect_data(), "12345");
    host.finish();
}

TEST_F(kit_streams, an_exit_may_be_refused_or_another_binding) {
    struct exit_end : weft::endpoint {
        explicit exit_end(std::vector<uint16_t>& k) : kinds(k) {}
        void on_frame(weft::stream s, const weft_frame& f) override {
            kinds.push_back(f.kind);
            if (f.kind == WEFT_RESET) s.reset();
        }
        void on_closed(weft::stream) override { delete this; }
        std::vector<uint16_t>& kinds;
    };
    std::vector<uint16_t> kinds;
    int accepted = 0;
    play.accept = [&](weft::worker w, weft::stream s, auto&) {
        if (++accepted == 2) {
            s.begin();
            return true;
        }
        w.open(play.exit, *new exit_end(kinds));
        return true;
    };
    host.refuse_exit(weft::testing::exit_id);
    auto& first = host.run(weft_plugin_1);
    first.open();
    EXPECT_THAT(kinds, ElementsAre(WEFT_RESET));

    accepted = 0;
    kinds.clear();
    auto& second = host.run(weft_plugin_1, R"({"name": "second", "routes": [{"exit": )" +
                                               std::to_string(first.id()) + "}]}");
    second.open();
    EXPECT_EQ(accepted, 2);
    EXPECT_THAT(kinds, ElementsAre(WEFT_BEGIN));
    host.finish();
}

TEST_F(kit_streams, everything_can_be_made_to_wait) {
    bool seen_within_the_call = false, seen = false;
    play.accept = [&](auto, weft::stream s, auto&) {
        s.begin();
        return true;
    };
    auto& b = host.run(weft_plugin_1);
    host.queue_everything();
    auto& client = b.open();
    client.expect(WEFT_BEGIN);
    play.frame = [&](auto, auto, const weft_frame& f) { seen = f.kind == WEFT_END; };
    host.turn([&] {
        client.end();
        seen_within_the_call = seen;
    });
    EXPECT_FALSE(seen_within_the_call);
    EXPECT_TRUE(seen);
    host.finish();
}

}  // namespace
