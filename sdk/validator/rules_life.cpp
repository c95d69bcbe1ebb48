// Rules of a binding's life: create, attach, drain for each reason, detach, destroy.
#include "rule.hpp"
#include "schema.hpp"

#include <chrono>
#include <optional>

namespace weft::validator {
namespace {

using namespace std::chrono_literals;
using testing::peer;

const char* reason_name(uint32_t why) {
    return why == WEFT_DRAIN_STOP ? "STOP" : why == WEFT_DRAIN_REPLACE ? "REPLACE" : "REMOVE";
}

// One stream for each metadata that the binding takes, with some data on it.
std::vector<peer*> busy_streams(probe& p, testing::subject& b) {
    std::vector<peer*> out;
    for (const auto& m : p.begins()) {
        peer& s = b.open(block(m));
        behave(s);
        if (s.may_send()) s.keep_window(64 * 1024);
        send_some(s, p.data());
        out.push_back(&s);
    }
    return out;
}

void attach(probe& p) {
    constexpr int times = 3;
    for (int i = 0; i < times; ++i) {
        auto h = p.make_host({.workers = 2});
        auto& b = p.run(*h);
        let_time_pass(*h, b);
        h->finish();
    }
}

void attach_in_trouble(probe& p) {
    const auto tried = [&](const std::function<void(testing::host&)>& trouble) {
        auto h = p.make_host();
        trouble(*h);
        if (auto* b = p.try_run(*h)) let_time_pass(*h, *b);
        h->finish();
    };
    tried([](auto& h) { h.refuse_leases("address already in use"); });
    tried([](auto& h) { h.refuse_watches(); });
    tried([](auto& h) { h.refuse_exit(testing::exit_id); });
    constexpr int64_t allocations_tried = 8;
    for (int64_t n = 0; n < allocations_tried; ++n) tried([n](auto& h) { h.allocations_left(n); });
}

void drains(probe& p, uint32_t why) {
    const auto with_deadline = [&](bool streams, uint64_t in_ns) {
        auto h = p.make_host();
        auto& b = p.run(*h);
        std::optional<callers> sockets;
        if (streams) {
            sockets.emplace(*h, p.data());
            busy_streams(p, b);
        }
        b.drain(why, in_ns == UINT64_MAX ? in_ns : h->now_ns() + in_ns);
        let_time_pass(*h, b);
        if (!streams && b.streams() > 0 && in_ns == UINT64_MAX && why != WEFT_DRAIN_STOP)
            throw failure(std::string("after drain ") + reason_name(why) +
                          " it keeps streams that it opened itself");
        h->finish();
    };
    for (const bool streams : {false, true})
        for (const uint64_t ns : {uint64_t{0}, uint64_t{1'000'000'000}, UINT64_MAX})
            with_deadline(streams, ns);
}

void drain_twice(probe& p) {
    for (const bool streams : {false, true}) {
        auto h = p.make_host();
        auto& b = p.run(*h);
        std::optional<callers> sockets;
        if (streams) {
            sockets.emplace(*h, p.data());
            busy_streams(p, b);
        }
        b.drain(WEFT_DRAIN_REPLACE);
        b.drain(WEFT_DRAIN_REPLACE, h->now_ns() + 10'000'000'000);
        h->advance(1s);
        b.drain(WEFT_DRAIN_REPLACE, h->now_ns() + 1'000'000'000);
        h->advance(1s);
        b.drain(WEFT_DRAIN_STOP, h->now_ns());
        let_time_pass(*h, b);
        h->finish();
    }
}

// The neighbours honour DRAIN and end what is ended: then nothing may be left.
void drain_comes_to_an_end(probe& p) {
    auto h = p.make_host();
    auto& b = p.run(*h);
    callers sockets(*h, p.data());
    const auto streams = busy_streams(p, b);
    b.drain(WEFT_DRAIN_REPLACE);
    sockets.hang_up();
    let_time_pass(*h, b);
    for (peer* s : streams)
        if (s->may_send()) s->end();
    let_time_pass(*h, b);
    for (peer* s : streams)
        if (!s->closed()) s->reset();
    let_time_pass(*h, b);
    if (b.streams() > 0)
        throw failure(
            "after drain REPLACE, and after those who opened streams to it have ended "
            "them, " +
            std::to_string(b.streams()) +
            " streams are left: the host could never "
            "unload it");
    h->finish();
}

void streams_after_drain(probe& p) {
    for (const uint32_t why : {WEFT_DRAIN_STOP, WEFT_DRAIN_REPLACE, WEFT_DRAIN_REMOVE}) {
        auto h = p.make_host();
        auto& b = p.run(*h);
        b.drain(why);
        busy_streams(p, b);
        let_time_pass(*h, b);
        h->finish();
    }
}

void generations(probe& p) {
    auto h = p.make_host({.workers = 2});
    auto& first = p.run(*h);
    const callers sockets(*h, p.data());
    busy_streams(p, first);
    auto& second = p.run(*h);
    first.drain(WEFT_DRAIN_REPLACE);
    busy_streams(p, second);
    let_time_pass(*h, second);
    first.stop();
    busy_streams(p, second);
    auto& third = p.run(*h);
    second.drain(WEFT_DRAIN_REPLACE, h->now_ns());
    let_time_pass(*h, third);
    second.stop();
    h->finish();
}

void detach_at_once(probe& p) {
    auto h = p.make_host({.tasks = testing::task_mode::when_told});
    auto& b = p.run(*h);
    const callers sockets(*h, p.data());
    busy_streams(p, b);
    b.drain(WEFT_DRAIN_STOP, h->now_ns());
    b.detach();  // aborts the streams and lets tasks come to their end
    b.destroy();
    h->finish();
}

}  // namespace

std::vector<rule> life_rules() {
    return {
        {"attach", scope::binding, "create, attach on two workers, detach, destroy; three times",
         attach},
        {"attach-in-trouble", scope::binding,
         "attach works or refuses, with a text, without address, watches, exits or memory",
         attach_in_trouble},
        {"drain-stop", scope::binding, "drain STOP with and without streams and deadline",
         [](probe& p) { drains(p, WEFT_DRAIN_STOP); }},
        {"drain-replace", scope::binding, "drain REPLACE with and without streams and deadline",
         [](probe& p) { drains(p, WEFT_DRAIN_REPLACE); }},
        {"drain-remove", scope::binding, "drain REMOVE with and without streams and deadline",
         [](probe& p) { drains(p, WEFT_DRAIN_REMOVE); }},
        {"drain-twice", scope::binding, "drain again, with earlier deadlines", drain_twice},
        {"drain-ends", scope::binding, "a replaced binding gets rid of its streams",
         drain_comes_to_an_end},
        {"drain-late-streams", scope::binding, "streams that still come after drain",
         streams_after_drain},
        {"generations", scope::binding, "a newer generation is attached beside the old one",
         generations},
        {"detach", scope::binding, "drain and detach in the midst of use, with tasks under way",
         detach_at_once},
    };
}

}  // namespace weft::validator
