// What a hop costs: DATA through a chain of pass-through bindings with its credit back, streams
// opened through it, and the memory of a stream.
#include "engine/binding_runtime.hpp"
#include "engine/services.hpp"
#include "loader/plugin_library.hpp"
#include "worker/loop.hpp"

#include <weft/plugin.hpp>

#include <benchmark/benchmark.h>

#include <malloc.h>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<uint64_t> allocations{0};
}

// The linker sends every malloc of this program here (-Wl,--wrap=malloc).
extern "C" {
void* __real_malloc(size_t);
void* __wrap_malloc(size_t);
void* __wrap_malloc(size_t n) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __real_malloc(n);
}
}
[[gnu::noinline]] void* operator new(size_t n) {
    if (void* p = std::malloc(n)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
    std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept {
    std::free(p);
}

namespace weft {
namespace {

// One side of a pass-through: frames go to the other side untouched.
struct relay_end : endpoint {
    stream to;
    struct relay_pair* pair = nullptr;
    void on_frame(stream, const weft_frame& f) override { to.send(f); }
    void on_closed(stream) override;
};
struct relay_pair {
    relay_end left, right;
    int closed = 0;
};
void relay_end::on_closed(stream) {
    if (++pair->closed == 2) delete pair;
}

struct chain_instance : instance {
    worker w;
    uint64_t exit = 0;
    endpoint* accept(stream s, const weft_begin& b) override {
        auto* p = new relay_pair;
        p->left.pair = p->right.pair = p;
        p->right.to = s;
        p->left.to = w.open(exit, p->right, b.h.meta);
        return &p->left;
    }
};

struct sink_end : endpoint {
    uint64_t frames = 0, copied = 0;
    const void* expected = nullptr;
    void on_data(stream s, const weft_data& d) override {
        ++frames;
        if (d.iov[0].data != expected) ++copied;
        s.window(1 << 20);
    }
    void on_end(stream s, const weft_frame&) override { s.end(); }
    void on_closed(stream) override {}
};
struct sink_instance : instance {
    sink_end end;
    endpoint* accept(stream s, const weft_begin&) override {
        s.begin();
        s.window(1 << 20);
        return &end;
    }
};
struct source_end : endpoint {
    void on_closed(stream) override {}
};

using table = detail::binding_table<int>;
const weft_binding_vt vt{sizeof vt, WEFT_PROXY, "bench", "{}",          nullptr,      nullptr,
                         nullptr,   nullptr,    nullptr, table::accept, table::drain, nullptr};

struct fixture : loop_host {
    event_bus events{false};
    service_host host{events};
    weft_host handle{&host, "bench"};
    std::vector<std::unique_ptr<binding_runtime>> bindings;
    std::vector<std::unique_ptr<chain_instance>> hops;
    sink_instance sink;
    loop l{0, *this};

    explicit fixture(int hop_count) {
        detail::bind_services(&handle, host.host_table(), nullptr);
        for (int i = 0; i < hop_count; ++i) {
            hops.push_back(std::make_unique<chain_instance>());
            add(hops.back().get());
            hops.back()->w = worker{bindings.back()->instances[0].get()};
            hops.back()->exit = static_cast<uint64_t>(i) + 2;
        }
        add(&sink);
        add(&sink);  // the source's own binding: never accepts
        l.start();
        l.call([this] {
            for (auto& b : bindings) l.set_exit(b->id, b->instances[0].get());
        });
    }
    ~fixture() override {
        l.call([this] { l.close_all(); });
        l.stop();
    }
    void add(instance* i) {
        auto b = std::make_unique<binding_runtime>();
        b->id = bindings.size() + 1;
        b->vt = &vt;
        auto w = std::make_unique<weft_worker>();
        w->loop = &l;
        w->binding = b.get();
        w->self = i;
        w->attached = true;
        b->instances.push_back(std::move(w));
        bindings.push_back(std::move(b));
    }
    void at_rest(weft_worker*) override {}
    void violation(weft_worker*, const std::string&) override { std::abort(); }
};

// range(0) = pass-through hops between source and sink. Each turn sends a batch, as a socket read
// would.
void data_through_hops(benchmark::State& state) {
    fixture f(static_cast<int>(state.range(0)));
    source_end source;
    stream s;
    worker w{f.bindings.back()->instances[0].get()};
    f.l.call([&] { f.l.enter(w.handle(), [&] { s = w.open(1, source); }); });
    static const char payload[100] = {};
    const weft_slice slice{nullptr, reinterpret_cast<const uint8_t*>(payload), sizeof payload, 0};
    f.sink.end.expected = payload;
    constexpr int batch = 1000;
    const uint64_t before = allocations;
    for (auto _ : state) {
        f.l.call([&] {
            f.l.enter(w.handle(), [&] {
                for (int i = 0; i < batch; ++i) s.data(slice);
            });
        });
    }
    state.SetItemsProcessed(state.iterations() * batch);
    const auto frames = static_cast<double>(state.iterations() * batch);
    // What handing a batch to the loop's thread takes is in it: a few per thousand frames.
    state.counters["allocations_per_frame"] = static_cast<double>(allocations - before) / frames;
    state.counters["copies_per_frame"] = static_cast<double>(f.sink.end.copied) / frames;
}
BENCHMARK(data_through_hops)->Arg(0)->Arg(1)->Arg(4)->UseRealTime();

// Streams opened from end to end, and ended in good order.
void opens_through_hops(benchmark::State& state) {
    fixture f(static_cast<int>(state.range(0)));
    source_end source;
    worker w{f.bindings.back()->instances[0].get()};
    constexpr int batch = 100;
    for (auto _ : state) {
        f.l.call([&] {
            f.l.enter(w.handle(), [&] {
                for (int i = 0; i < batch; ++i) w.open(1, source).end();
            });
        });
    }
    f.l.call([] {});
    state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(opens_through_hops)->Arg(0)->Arg(4)->UseRealTime();

// Heap of the host and of the pass-through's own pair, per stream.
void memory_of_a_stream(benchmark::State& state) {
    constexpr int count = 10'000;
    for (auto _ : state) {
        fixture f(static_cast<int>(state.range(0)));
        source_end source;
        worker w{f.bindings.back()->instances[0].get()};
        const size_t before = ::mallinfo2().uordblks;
        f.l.call([&] {
            f.l.enter(w.handle(), [&] {
                for (int i = 0; i < count; ++i) w.open(1, source);
            });
        });
        f.l.call([] {});
        const auto streams = static_cast<double>(count) * static_cast<double>(state.range(0) + 1);
        state.counters["bytes_per_stream"] =
            static_cast<double>(::mallinfo2().uordblks - before) / streams;
    }
}
BENCHMARK(memory_of_a_stream)->Arg(0)->Arg(4)->Iterations(1);

}  // namespace
}  // namespace weft

BENCHMARK_MAIN();
