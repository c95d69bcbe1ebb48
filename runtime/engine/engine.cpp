#include "engine/engine.hpp"

#include "engine/binding_runtime.hpp"
#include "engine/services.hpp"
#include "events/bus.hpp"
#include "loader/plugin_library.hpp"
#include "worker/clock.hpp"
#include "worker/loop.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <unordered_map>

namespace weft {
namespace {

using nlohmann::json;

std::string summary(const std::vector<config::problem>& problems) {
    return problems.empty() ? "the configuration cannot be started"
                            : problems.front().path + ": " + problems.front().text;
}

}  // namespace

startup_error::startup_error(std::vector<config::problem> problems)
    : std::runtime_error(summary(problems)), problems_(std::move(problems)) {}

struct engine::impl : loop_host {
    engine_options options;
    std::vector<plugin_info> plugins;
    event_bus events;
    service_host host{events};
    std::vector<std::unique_ptr<loop>> loops;
    std::unordered_map<std::string, std::shared_ptr<plugin_library>> libraries;  // by file
    std::vector<std::unique_ptr<binding_runtime>> bindings;                      // index = id - 1
    std::unordered_map<std::string, uint64_t> ids;                               // "ns:name" -> id
    std::vector<binding_runtime*> attach_order;  // exits before those that lead to them
    std::atomic<engine_state> state{engine_state::stopped};
    std::vector<config::problem> problems;

    impl(engine_options o, std::vector<plugin_info> p)
        : options(std::move(o)), plugins(std::move(p)), events(options.verbose) {}

    // loop_host
    weft_worker* instance_of(uint64_t exit_id, uint32_t worker) override {
        if (exit_id == 0 || exit_id > bindings.size()) return nullptr;
        auto& instances = bindings[exit_id - 1]->instances;
        return worker < instances.size() ? instances[worker].get() : nullptr;
    }
    void violation(weft_worker* culprit, const std::string& text) override {
        const auto& c = culprit->binding->config;
        events.emit({WEFT_ERROR, 0, 0, c.ns, c.name, "engine.binding.fault",
                     fmt::format("The binding {}.", text)});
    }

    void problem(const config::entity& e, const std::string& kind, const std::string& pointer,
                 const std::string& text) {
        std::string path = kind + "." + e.name;
        for (size_t at = 0; at < pointer.size();) {
            const size_t next = std::min(pointer.find('/', at + 1), pointer.size());
            path += "." + pointer.substr(at + 1, next - at - 1);
            at = next;
        }
        problems.push_back({e.place(pointer), path, text});
    }

    const plugin_info* find(const std::string& role, const std::string& type) const {
        const auto it = std::find_if(plugins.begin(), plugins.end(), [&](const plugin_info& p) {
            return p.role == role && p.type == type && p.error.empty();
        });
        return it == plugins.end() ? nullptr : &*it;
    }

    // Loads the plugin of an entity, or records the problem.
    std::shared_ptr<plugin_library> load(const std::string& role, const config::entity& e) {
        const auto* info = find(role, e.type);
        if (!info) {
            for (const auto& p : plugins)
                if (p.role == role && p.type == e.type)
                    return problem(e, role + "s", "/type", p.error), nullptr;
            return problem(e, role + "s", "/type",
                           fmt::format("no plugin for type '{}' is installed", e.type)),
                   nullptr;
        }
        auto& library = libraries[info->file];
        if (!library) {
            try {
                library = std::make_shared<plugin_library>(info->file, host);
            } catch (const plugin_error& x) {
                problem(e, role + "s", "/type", x.what());
            }
        }
        return library;
    }

    std::string config_json(const config::binding& b) const {
        json routes = json::array();
        for (const auto& r : b.routes) {
            json route = json::object();
            if (!r.guarded.is_null()) route["guarded"] = r.guarded;
            if (!r.when.is_null()) route["when"] = r.when;
            if (!r.with.is_null()) route["with"] = r.with;
            const auto it = ids.find(r.exit);
            route["exit"] = it == ids.end() ? 0 : it->second;
            route["exit_name"] = r.exit;
            routes.push_back(std::move(route));
        }
        const json engine = {{"directory", options.directory},
                             {"cache_directory", options.cache_directory},
                             {"workers", options.workers},
                             {"instance", options.instance}};
        return json{{"namespace", b.ns},
                    {"name", b.name},
                    {"type", b.type},
                    {"kind", b.kind},
                    {"vault", b.vault.empty() ? json() : json(b.vault)},
                    {"options", b.options.is_null() ? json::object() : b.options},
                    {"routes", std::move(routes)},
                    {"properties", options.properties},
                    {"engine", engine}}
            .dump();
    }

    void create_exporters(const config::configuration& c) {
        for (const auto& e : c.exporters) {
            auto library = load("exporter", e);
            if (!library) continue;
            const auto* vt =
                static_cast<const weft_exporter_vt*>(library->extension(WEFT_EXPORTER));
            const auto text = json{
                {"namespace", e.ns},
                {"name", e.name},
                {"type", e.type},
                {"options",
                 e.options}}.dump();
            void* object = nullptr;
            weft_error error{};
            if (vt->create(library->plugin(), text.c_str(), &object, &error) != WEFT_OK)
                problem(e, "telemetry.exporters", error.path, error.text);
            else
                events.add_exporter(library, vt, object);
        }
    }

    void create_bindings(const config::configuration& c) {
        for (const auto& b : c.bindings) {
            auto runtime = std::make_unique<binding_runtime>();
            runtime->id = bindings.size() + 1;
            runtime->config = b;
            runtime->name = b.qualified_name();
            ids[runtime->name] = runtime->id;
            bindings.push_back(std::move(runtime));
        }
        for (auto& b : bindings) {
            b->plugin = load("binding", b->config);
            if (!b->plugin) continue;
            b->vt = b->plugin->find_binding(b->config.type);
            if (!b->vt) {
                problem(
                    b->config, "bindings", "/type",
                    fmt::format("{} has no binding type '{}'", b->plugin->file(), b->config.type));
                continue;
            }
            weft_error error{};
            const auto text = config_json(b->config);
            if (b->vt->create(b->plugin->plugin(), text.c_str(), &b->object, &error) != WEFT_OK) {
                b->object = nullptr;
                problem(b->config, "bindings", error.path, error.text);
            }
        }
    }

    // Exits first, so that nothing is accepted before everything behind it is there.
    void order(binding_runtime& b, std::set<uint64_t>& seen) {
        if (!seen.insert(b.id).second) return;
        for (const auto& r : b.config.routes)
            if (const auto it = ids.find(r.exit); it != ids.end())
                order(*bindings[it->second - 1], seen);
        attach_order.push_back(&b);
    }

    void attach_all() {
        std::set<uint64_t> seen;
        for (auto& b : bindings) order(*b, seen);
        for (auto* b : attach_order)
            for (auto& l : loops) b->instances.push_back(make_instance(*b, *l));
        for (auto* b : attach_order) {
            for (auto& l : loops) {
                weft_error error{};
                int32_t rc = WEFT_OK;
                weft_worker* w = b->instances[l->index()].get();
                l->call([&] {
                    w->accepting_posts = true;
                    l->enter(w, [&] { rc = b->vt->attach(b->object, w, &w->self, &error); });
                    w->attached = rc == WEFT_OK;
                    if (rc != WEFT_OK) w->accepting_posts = false;
                });
                if (rc == WEFT_OK) continue;
                problem(b->config, "bindings", error.path, error.text);
                return;
            }
        }
    }

    std::unique_ptr<weft_worker> make_instance(binding_runtime& b, loop& l) const {
        auto w = std::make_unique<weft_worker>();
        w->loop = &l;
        w->binding = &b;
        return w;
    }

    void start(const config::configuration& c, std::function<void()> on_ready) {
        state = engine_state::starting;
        problems.clear();
        create_exporters(c);
        create_bindings(c);
        if (problems.empty()) {
            for (uint32_t i = 0; i < options.workers; ++i) {
                loops.push_back(std::make_unique<loop>(i, *this));
                loops.back()->start();
            }
            attach_all();
        }
        if (!problems.empty()) {
            auto found = std::move(problems);
            shut_down(std::chrono::milliseconds(0));
            throw startup_error(std::move(found));
        }
        state = engine_state::listening;
        host.ready().begin(std::move(on_ready));
    }

    uint64_t count_streams() const {
        uint64_t total = 0;
        for (const auto& l : loops) total += l->stream_count();
        return total;
    }

    // Waits, looking every few milliseconds, until f() or the deadline. Only for the end of the
    // process.
    static bool wait_until(uint64_t deadline_ns, const std::function<bool()>& f) {
        while (!f()) {
            if (monotonic_ns() >= deadline_ns) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }

    bool tasks_pending() const {
        for (const auto& b : bindings)
            for (const auto& w : b->instances)
                if (w->tasks.load() != 0) return true;
        return false;
    }

    void detach_all() {
        // Those that accept first, their exits last.
        for (auto it = attach_order.rbegin(); it != attach_order.rend(); ++it) {
            for (auto& w : (*it)->instances) {
                if (!w->attached) continue;
                w->loop->close_posts(w.get());
                w->loop->call([&] {
                    w->attached = false;
                    w->loop->enter(w.get(), [&] { (*it)->vt->detach(w->self); });
                });
            }
        }
        // A second call returns only after posts that were accepted before.
        for (auto& l : loops) l->call([] {});
    }

    // False when something could not be ended: then the process must exit without tearing anything
    // down.
    bool shut_down(std::chrono::milliseconds grace) {
        constexpr uint64_t tasks_ns_max =
            10'000'000'000;  // a task that blocks longer is left to the end of the process
        const uint64_t deadline = monotonic_ns() + static_cast<uint64_t>(grace.count()) * 1'000'000;
        for (auto it = attach_order.rbegin(); it != attach_order.rend(); ++it)
            for (auto& w : (*it)->instances)
                if (w->attached)
                    w->loop->call([&] {
                        w->loop->enter(
                            w.get(), [&] { (*it)->vt->drain(w->self, WEFT_DRAIN_STOP, deadline); });
                    });
        if (!wait_until(deadline, [this] { return count_streams() == 0; })) {
            for (auto& l : loops) l->call([&] { l->close_all(); });
            if (!wait_until(monotonic_ns() + 1'000'000'000,
                            [this] { return count_streams() == 0; }))
                spdlog::warn("{} streams did not end", count_streams());
        }
        if (!wait_until(monotonic_ns() + tasks_ns_max, [this] { return !tasks_pending(); })) {
            // Its instance must outlive a task, and a task that blocks cannot be ended: nothing may
            // be torn down under it.
            spdlog::warn("a blocking task of a binding did not end within {} s",
                         tasks_ns_max / 1'000'000'000);
            return false;
        }
        detach_all();
        for (auto it = bindings.rbegin(); it != bindings.rend(); ++it)
            if ((*it)->object) (*it)->vt->destroy((*it)->object);
        for (auto& l : loops) l->stop();
        attach_order.clear();
        bindings.clear();
        loops.clear();
        ids.clear();
        libraries.clear();
        state = engine_state::stopped;
        return true;
    }
};

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

void engine::stop(std::chrono::milliseconds grace) {
    impl_->state = engine_state::stopping;
    const bool clean = impl_->shut_down(grace);
    emit(WEFT_INFO, "engine.stopped", "Engine Stopped.");
    if (clean) impl_->events.close();
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
    std::map<std::tuple<std::string, std::string, std::string>, metric_value> sums;
    for (const auto& b : impl_->bindings) {
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

void engine::emit(uint32_t level, const std::string& id, const std::string& text) {
    impl_->events.emit({level, 0, 0, "engine", "events", id, text});
}

}  // namespace weft
