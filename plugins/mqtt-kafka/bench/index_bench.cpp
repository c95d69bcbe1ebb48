// The subscription index: what a match, a remembered match, and a change cost with many
// subscriptions of no interest to them.
#include "index/match_memo.hpp"

#include <benchmark/benchmark.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {
namespace {

struct client final : subscription_owner {};

// `count` clients, each with device/<n>/command/#, and a few that see everything.
struct population {
    subscription_index index;
    topic_set topics;
    std::deque<client> clients;
    std::vector<std::unique_ptr<subscription>> subscriptions;

    explicit population(int64_t count) {
        topics.add(0);
        for (int64_t i = 0; i < count; ++i) add("device/" + std::to_string(i) + "/command/#");
        for (const auto* f : {"#", "device/+/command/+", "+/7/#"}) add(f);
    }
    void add(const std::string& filter) {
        auto s = std::make_unique<subscription>();
        s->owner = &clients.emplace_back();
        s->topics = &topics;
        index.insert(*s, filter);
        subscriptions.push_back(std::move(s));
    }
};

void match(benchmark::State& state) {
    const population p(state.range(0));
    int64_t found = 0;
    for (auto _ : state) p.index.match("device/7/command/on", [&](subscription&) { ++found; });
    state.counters["matches"] =
        static_cast<double>(found) / static_cast<double>(state.iterations());
}
BENCHMARK(match)->Arg(1)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void remembered(benchmark::State& state) {
    const population p(state.range(0));
    match_memo memo;
    for (auto _ : state)
        benchmark::DoNotOptimize(memo.lookup(p.index, "device/7/command/on", 0).entries.size());
}
BENCHMARK(remembered)->Arg(1)->Arg(1'000'000);

void subscribe_and_unsubscribe(benchmark::State& state) {
    population p(state.range(0));
    subscription s;
    s.owner = &p.clients.emplace_back();
    s.topics = &p.topics;
    for (auto _ : state) {
        p.index.insert(s, "site/a/device/b/#");
        p.index.erase(s);
    }
}
BENCHMARK(subscribe_and_unsubscribe)->Arg(1)->Arg(1'000'000);

}  // namespace
}  // namespace weft::mqtt_kafka

BENCHMARK_MAIN();
