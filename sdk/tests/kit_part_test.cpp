// A class of a plugin without its plugin, and the limit of what calls may take.
#include "kit_support.hpp"

#include <weft/testing/part.hpp>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Opens an exit for each stream and says what it got there.
struct forwarder : weft::endpoint {
    forwarder(weft::worker w, weft::stream s) : here(w), caller(s) {
        timer = here.timer_in_ms(10, weft::call<&forwarder::on_timer>, this);
        far = here.open(5, *this);
        ends = 2;
    }
    void on_data(weft::stream s, const weft_data& d) override {
        (s == caller ? far : caller).data(weft::slices(d));
    }
    void on_window(weft::stream s, const weft_window&) override {
        const auto other = s == caller ? far : caller;
        other.window(s.credit());
    }
    void on_end(weft::stream s, const weft_frame&) override { (s == caller ? far : caller).end(); }
    void on_abort(weft::stream, const weft_frame&) override { stop(); }
    void on_reset(weft::stream, const weft_frame&) override { stop(); }
    void on_closed(weft::stream) override {
        if (--ends > 0) return;
        here.cancel(timer);
        delete this;
    }
    void stop() {
        for (const auto s : {caller, far}) s.abort(), s.reset();
    }
    void on_timer() { here.counter("forwarder.timers").add(); }

    weft::worker here;
    weft::stream caller, far;
    uint64_t timer = 0;
    int ends = 0;
};

TEST(kit_part, a_class_alone) {
    weft::testing::host host;
    weft::testing::part part(host);
    part.accepts([&](weft::stream s, const weft_begin&) {
        s.begin();
        return new forwarder(part.here(), s);
    });
    auto& client = part.open();
    auto& exit = host.accepted(5);
    exit.begin();
    exit.window(100);
    EXPECT_EQ(client.credit(), 100u);
    client.send("hello");
    EXPECT_EQ(exit.expect_data(), "hello");
    EXPECT_EQ(part.timers(), 1u);
    host.advance(10ms);
    EXPECT_EQ(part.metric("forwarder.timers"), 1u);
    EXPECT_EQ(part.streams(), 2u);
    part.detach([] {});
    EXPECT_TRUE(client.closed() && exit.closed());
    EXPECT_EQ(part.streams(), 0u);
    host.finish();
}

TEST(kit_part, a_refusal) {
    weft::testing::host host;
    weft::testing::part part(host);
    part.accepts([](auto, auto&) { return nullptr; });
    auto& client = part.open();
    client.expect(WEFT_RESET);
    EXPECT_TRUE(client.closed());
    part.detach([] {});
    host.finish();
}

TEST(kit_part, what_it_leaves_behind) {
    weft::testing::host host;
    weft::testing::part part(host);
    part.here().timer_in_ms(
        1, [](void*) {}, nullptr);
    std::vector<std::string> rules;
    host.on_violation([&](const auto& v) { rules.push_back(v.rule); });
    part.detach([] {});
    EXPECT_THAT(rules, ElementsAre("leak.timer"));
    host.finish();
}

class kit_blocked : public kit::kit_test {};

TEST_F(kit_blocked, a_call_that_takes_too_long) {
    host.calls_may_take(20ms);
    kit::play.attach = [](auto) {};
    auto& b = host.run(weft_plugin_1);
    // Sleeping is what is tested here.
    kit::play.accept = [](auto, auto, auto&) { return ::usleep(40'000) == 0; };
    EXPECT_THAT(broken([&] { b.open(); }), ElementsAre("worker.blocked"));
    kit::play.accept = nullptr;
    EXPECT_THAT(broken([&] { b.open(); }), IsEmpty());
    host.finish();
}

}  // namespace
