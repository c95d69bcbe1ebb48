#include "engine/engine.hpp"

#include "engine/engine_impl.hpp"
#include "loader/plugin_library.hpp"
#include "worker/clock.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

namespace weft {
namespace {

std::string summary(const std::vector<config::problem>& problems) {
    return problems.empty() ? "the configuration cannot be started"
                            : problems.front().path + ": " + problems.front().text;
}

// Waits, looking every few milliseconds, until f() or the deadline. Only for the end of the
// process.
bool wait_until(uint64_t deadline_ns, const std::function<bool()>& f) {
    while (!f()) {
        if (monotonic_ns() >= deadline_ns) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace

startup_error::startup_error(std::vector<config::problem> problems)
    : std::runtime_error(summary(problems)), problems_(std::move(problems)) {}

void engine::impl::violation(weft_worker* culprit, const std::string& text) {
    const auto& c = culprit->binding->config;
    events.emit({WEFT_ERROR, 0, 0, c.ns, c.name, "engine.binding.fault",
                 fmt::format("The binding {}.", text)});
}

void engine::impl::start(const config::configuration& c, std::function<void()> on_ready) {
    state = engine_state::starting;
    assembler a(options, plugins, libraries, ids);
    exporters = plan_exporters(c, a);
    events.set_exporters(exporters);
    host.guards().begin(options.workers);
    host.vaults().exchange(a.make_vaults(c, {}));
    host.guards().exchange(a.make_guards(c, {}));
    const bool vaults_made = a.problems.empty();
    a.name_all(c.bindings);
    for (const auto& b : c.bindings) {
        auto made = a.plan(b);
        if (!made) continue;
        // Not without its vault: it would only say so a second time.
        if (vaults_made) a.create(*made);
        lives[made->name] = made->generation;
        serving.push_back(std::move(made));
    }
    if (a.problems.empty()) {
        for (uint32_t i = 0; i < options.workers; ++i) {
            loops.push_back(std::make_unique<loop>(i, *this));
            loops.back()->start();
        }
        watching = std::make_unique<watchdog>(
            loops, instances_mutex, [this](const weft_worker& w, uint32_t worker) {
                const auto& b = w.binding->config;
                events.emit({WEFT_WARN, 0, 0, b.ns, b.name, "engine.worker.blocked",
                             fmt::format("Worker {} has been held for more than {} ms.", worker,
                                         watchdog::blocked_min.count())});
            });
        for (auto* b : exits_first(serving)) {
            if (!attach(*b, a.problems)) break;
            direct(*b);
        }
    }
    if (!a.problems.empty()) {
        shut_down(std::chrono::milliseconds(0));
        throw startup_error(std::move(a.problems));
    }
    state = engine_state::listening;
    host.ready().begin(std::move(on_ready));
}

// Exits first, so that nothing is accepted before everything behind it is there.
std::vector<binding_runtime*> engine::impl::exits_first(const generation_list& of) {
    std::map<std::string, binding_runtime*> by_name;
    for (const auto& b : of) by_name[b->name] = b.get();
    std::vector<binding_runtime*> out;
    std::set<std::string> seen;
    const std::function<void(const std::string&)> visit = [&](const std::string& name) {
        const auto it = by_name.find(name);
        if (it == by_name.end() || !seen.insert(name).second) return;
        for (const auto& r : it->second->config.routes) visit(r.exit);
        out.push_back(it->second);
    };
    for (const auto& b : of) visit(b->name);
    return out;
}

bool engine::impl::attach(binding_runtime& b, std::vector<config::problem>& problems) {
    for (auto& l : loops) {
        auto w = std::make_unique<weft_worker>();
        w->loop = l.get();
        w->binding = &b;
        b.instances.push_back(std::move(w));
    }
    for (auto& l : loops) {
        weft_error error{};
        int32_t rc = WEFT_E_INTERNAL;
        weft_worker* w = b.instances[l->index()].get();
        l->call([&] {
            w->accepting_posts = true;
            const bool whole =
                l->enter(w, [&] { rc = b.vt->attach(b.object, w, &w->self, &error); });
            w->attached = whole && rc == WEFT_OK;
            if (!w->attached) {
                l->close_posts(w);
                l->cancel_all_of(w);
            }
        });
        if (w->attached) continue;
        problems.push_back(
            b.config.problem_at(error.path, error.text[0] ? error.text : "attach failed"));
        return false;
    }
    return true;
}

// Streams to this binding go to this generation from now on.
void engine::impl::direct(const binding_runtime& b) {
    for (auto& l : loops) l->call([&] { l->set_exit(b.id, b.instances[l->index()].get()); });
}

void engine::impl::drain(binding_runtime& b, uint32_t why, uint64_t deadline_ns) {
    b.deadline_ns = deadline_ns;
    for (auto& w : b.instances) {
        if (!w->attached) continue;
        w->loop->call([&] {
            w->retiring = true;
            w->loop->enter(w.get(), [&] { b.vt->drain(w->self, why, deadline_ns); });
            w->loop->look_at_rest(w.get());
        });
    }
}

// Ends the instances of a generation and takes away what they left behind.
void engine::impl::detach(binding_runtime& b) {
    for (auto& w : b.instances) {
        if (!w->attached) continue;
        w->loop->close_posts(w.get());
        w->loop->call([&] {
            w->attached = false;
            w->loop->enter(w.get(), [&] { b.vt->detach(w->self); });
            if (const auto left = w->loop->cancel_all_of(w.get()))
                violation(w.get(), fmt::format("left {} timers or watches behind", left));
        });
        host.ready().forget(w.get());
    }
    // Deferred calls and buffers that came back from other threads meanwhile.
    for (auto& l : loops) l->call([] {});
}

void engine::impl::destroy(binding_runtime& b) {
    if (b.object) b.vt->destroy(b.object);
    b.object = nullptr;
    host.vaults().forget(&b);
}

bool engine::impl::tasks_pending() const {
    for (const auto* b : all())
        for (const auto& w : b->instances)
            if (w->tasks.load() != 0) return true;
    return false;
}

// False when something could not be ended: then the process must exit without tearing anything
// down.
bool engine::impl::shut_down(std::chrono::milliseconds grace) {
    constexpr uint64_t tasks_ns_max =
        10'000'000'000;  // a task that blocks longer is left to the end of the process
    const uint64_t deadline = monotonic_ns() + static_cast<uint64_t>(grace.count()) * 1'000'000;
    std::vector<binding_runtime*> order;
    for (const auto& b : draining) order.push_back(b.get());
    const auto sorted = exits_first(serving);
    order.insert(order.end(), sorted.rbegin(), sorted.rend());

    for (auto* b : order) drain(*b, WEFT_DRAIN_STOP, deadline);
    if (!wait_until(deadline, [this] { return count_streams() == 0; })) {
        for (auto& l : loops) l->call([&] { l->close_all(); });
        if (!wait_until(monotonic_ns() + 1'000'000'000, [this] { return count_streams() == 0; }))
            spdlog::warn("{} streams did not end", count_streams());
    }
    if (!wait_until(monotonic_ns() + tasks_ns_max, [this] { return !tasks_pending(); })) {
        // Its instance must outlive a task, and a task that blocks cannot be ended: nothing may
        // be torn down under it.
        spdlog::warn("a blocking task of a binding did not end within {} s",
                     tasks_ns_max / 1'000'000'000);
        return false;
    }
    // Those that accept first, their exits last.
    for (auto* b : order) detach(*b);
    watching.reset();
    for (auto* b : order) destroy(*b);
    for (auto& l : loops) l->stop();
    host.vaults().exchange({});
    host.guards().exchange({});
    host.vaults().sweep();
    draining.clear();
    serving.clear();
    loops.clear();
    state = engine_state::stopped;
    return true;
}

uint64_t engine::impl::count_streams() const {
    uint64_t total = 0;
    for (const auto& l : loops) total += l->stream_count();
    return total;
}

std::vector<const binding_runtime*> engine::impl::all() const {
    std::vector<const binding_runtime*> out;
    for (const auto& b : serving) out.push_back(b.get());
    for (const auto& b : draining) out.push_back(b.get());
    return out;
}

void engine::impl::keep_metrics(const binding_runtime& b) {
    for (const auto& w : b.instances) {
        std::lock_guard lock(w->metrics_mutex);
        for (const auto& [name, cell] : w->metrics)
            if (!cell->gauge)
                past_counts[{b.config.ns, b.config.name, name}] +=
                    std::atomic_ref(cell->value).load(std::memory_order_relaxed);
    }
}

std::vector<metric_value> engine::impl::metrics() const {
    std::map<std::tuple<std::string, std::string, std::string>, metric_value> sums;
    for (const auto& [key, value] : past_counts)
        sums[key] = {std::get<0>(key), std::get<1>(key), std::get<2>(key), value, false};
    for (const auto* b : all()) {
        for (const auto& w : b->instances) {
            std::lock_guard lock(w->metrics_mutex);
            for (const auto& [name, cell] : w->metrics) {
                auto& m = sums[{b->config.ns, b->config.name, name}];
                m.ns = b->config.ns;
                m.binding = b->config.name;
                m.name = name;
                m.gauge = cell->gauge;
                m.value += std::atomic_ref(cell->value).load(std::memory_order_relaxed);
            }
        }
    }
    std::vector<metric_value> out;
    for (auto& [key, m] : sums) out.push_back(std::move(m));
    return out;
}

std::vector<generation_info> engine::impl::generations() const {
    std::map<const binding_runtime*, uint64_t> streams;
    for (const auto* b : all())
        for (const auto& w : b->instances) w->loop->call([&] { streams[b] += w->streams; });
    std::vector<generation_info> out;
    const auto add = [&](const binding_runtime& b, bool is_draining) {
        generation_info i{
            b.name, b.config.type, b.plugin->table().version ? b.plugin->table().version : "",
            b.file, b.generation,  is_draining,
            {},     streams[&b]};
        if (is_draining && b.deadline_ns != UINT64_MAX) {
            const uint64_t now = monotonic_ns();
            i.drain_left = std::chrono::milliseconds(
                b.deadline_ns > now ? (b.deadline_ns - now) / 1'000'000 : 0);
        }
        out.push_back(std::move(i));
    };
    for (const auto& b : serving) add(*b, false);
    for (const auto& b : draining) add(*b, true);
    std::stable_sort(out.begin(), out.end(), [](const auto& x, const auto& y) {
        return std::tie(x.binding, y.generation) < std::tie(y.binding, x.generation);
    });
    return out;
}

engine::engine(engine_options options, std::vector<plugin_info> plugins)
    : impl_(std::make_unique<impl>(std::move(options), std::move(plugins))) {}

engine::~engine() {
    const bool gave_up = impl_->state == engine_state::stopping;  // stop() has tried already
    if (gave_up || (impl_->state != engine_state::stopped &&
                    !impl_->shut_down(std::chrono::milliseconds(0)))) {
        static_cast<void>(impl_.release());  // see shut_down: something may still use it
        return;
    }
    impl_->events.close();
}

void engine::start(const config::configuration& configuration, std::function<void()> on_ready) {
    impl_->start(configuration, std::move(on_ready));
    emit(WEFT_INFO, "engine.started", "Engine Started.");
}

reload_result engine::reload(const config::configuration& configuration,
                             const std::vector<plugin_info>& plugins,
                             const reload_options& options) {
    return impl_->reload(configuration, plugins, options);
}

std::optional<std::chrono::steady_clock::time_point> engine::tend() {
    return impl_->tend();
}

void engine::stop(std::chrono::milliseconds grace) {
    impl_->state = engine_state::stopping;
    const bool clean = impl_->shut_down(grace);
    emit(WEFT_INFO, "engine.stopped", "Engine Stopped.");
    if (clean) impl_->events.close();
}

std::vector<std::string> engine::watched_files() const {
    std::vector<std::string> out;
    const auto add = [&](const auto& entities) {
        for (const auto& [name, e] : entities)
            for (auto& f : e->files()) out.push_back(std::move(f));
    };
    add(impl_->host.vaults().current());
    add(impl_->host.guards().current());
    return out;
}

std::map<std::string, std::string> engine::reachable() const {
    return impl_->host.listening().beyond_loopback();
}

engine_status engine::status() const {
    engine_status s;
    s.state = impl_->state;
    if (s.state == engine_state::listening && impl_->host.ready().ready())
        s.state = engine_state::ready;
    if (s.state == engine_state::listening || s.state == engine_state::ready) {
        s.waiting_for = impl_->host.ready().waiting_for();
        s.streams = impl_->count_streams();
    }
    return s;
}

std::vector<metric_value> engine::metrics() const {
    return impl_->metrics();
}

std::vector<generation_info> engine::generations() const {
    return impl_->generations();
}

void engine::emit(uint32_t level, const std::string& id, const std::string& text) {
    impl_->events.emit({level, 0, 0, "engine", "events", id, text});
}

}  // namespace weft
