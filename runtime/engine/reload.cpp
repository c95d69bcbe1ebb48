// From one configuration to the next while everything runs: a changed binding gets a generation
// beside the old one, and the old one drains.
#include "engine/engine_impl.hpp"
#include "loader/plugin_library.hpp"
#include "worker/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace weft {
namespace {

using std::chrono::steady_clock;

// Between the deadline, at which a binding says goodbye, and the end of what is still there.
constexpr uint64_t goodbye_ns = 1'000'000'000;

// How long a reload waits for older generations to leave before it takes them for used.
constexpr uint64_t leaving_ns = 5'000'000'000;

uint64_t deadline_of(const reload_options& how) {
    return how.drain ? monotonic_ns() + static_cast<uint64_t>(how.drain->count()) * 1'000'000
                     : UINT64_MAX;
}

std::string listed(const reload_result& r) {
    std::string out;
    const auto add = [&](const char* what, const std::vector<std::string>& names) {
        if (names.empty()) return;
        out += fmt::format("{}{} {}", out.empty() ? "" : "; ", what, fmt::join(names, ", "));
    };
    add("added", r.added);
    add("changed", r.changed);
    add("removed", r.removed);
    return out.empty() ? "nothing changed" : out;
}

}  // namespace

reload_result engine::impl::reload(const config::configuration& c, std::vector<plugin_info> found,
                                   const reload_options& how) {
    assembler a(options, found, libraries, ids);
    a.name_all(c.bindings);
    reload_result result;

    std::map<std::string, size_t> runs;  // name to place in `serving`
    for (size_t i = 0; i < serving.size(); ++i) runs[serving[i]->name] = i;
    std::set<std::string> wanted;
    std::vector<generation_ptr> next;
    for (const auto& b : c.bindings) {
        const auto name = b.qualified_name();
        wanted.insert(name);
        auto planned = a.plan(b);
        if (!planned) continue;
        const auto it = runs.find(name);
        if (it != runs.end() && serving[it->second]->fingerprint == planned->fingerprint) {
            ++result.unchanged;
            continue;
        }
        (it == runs.end() ? result.added : result.changed).push_back(name);
        planned->generation = lives[name] + 1;
        next.push_back(std::move(planned));
    }
    for (const auto& b : serving)
        if (!wanted.contains(b->name)) result.removed.push_back(b->name);

    std::vector<std::shared_ptr<exporter_runtime>> next_exporters;
    for (const auto& e : c.exporters) {
        auto planned = a.plan_exporter(e);
        if (!planned) continue;
        const auto same = std::find_if(exporters.begin(), exporters.end(), [&](const auto& x) {
            return x->fingerprint == planned->fingerprint;
        });
        if (same != exporters.end())
            next_exporters.push_back(*same);
        else if (a.create_exporter(*planned))
            next_exporters.push_back(std::move(planned));
    }

    check_generations(a, next, how);
    if (!a.problems.empty()) throw startup_error(std::move(a.problems));
    const auto undo = [&] {
        for (auto& b : next) {
            if (b->instances.empty()) {
                if (b->object) b->vt->destroy(b->object);
            } else {
                retire(std::move(b), WEFT_DRAIN_STOP, monotonic_ns());
            }
        }
        host.listening().set_leaving({});
        throw startup_error(std::move(a.problems));
    };
    for (auto& b : next) a.create(*b);
    if (!a.problems.empty()) undo();

    std::set<std::string> leaving(result.changed.begin(), result.changed.end());
    leaving.insert(result.removed.begin(), result.removed.end());
    host.listening().set_leaving(std::move(leaving));
    std::vector<binding_runtime*> every;
    for (const auto& b : next) every.push_back(b.get());
    const auto order = exits_first(every);
    for (auto* b : order)
        if (!attach(*b, a.problems)) undo();
    host.listening().set_leaving({});

    // From here on nothing can fail: what is new goes to the new generations, the old ones drain,
    // those that accept first.
    for (auto* b : order) direct(*b);
    const uint64_t deadline = deadline_of(how);
    std::map<std::string, std::pair<generation_ptr, uint32_t>> old;
    for (auto& b : next) {
        lives[b->name] = b->generation;
        const auto it = runs.find(b->name);
        if (it == runs.end()) {
            serving.push_back(std::move(b));
            continue;
        }
        auto& place = serving[it->second];
        std::swap(place, b);
        old.emplace(place->name, std::pair(std::move(b), WEFT_DRAIN_REPLACE));
    }
    for (const auto& name : result.removed) {
        auto& gone = serving[runs.at(name)];
        for (auto& l : loops) l->call([&] { l->set_exit(gone->id, nullptr); });
        old.emplace(name, std::pair(std::move(gone), WEFT_DRAIN_REMOVE));
    }
    std::erase(serving, nullptr);
    std::vector<binding_runtime*> leaving_order;
    for (const auto& [name, o] : old) leaving_order.push_back(o.first.get());
    leaving_order = exits_first(leaving_order);
    for (auto it = leaving_order.rbegin(); it != leaving_order.rend(); ++it) {
        auto& o = old.at((*it)->name);
        retire(std::move(o.first), o.second, deadline);
    }
    events.set_exporters(next_exporters);
    exporters = std::move(next_exporters);
    plugins = std::move(found);
    events.emit({WEFT_INFO, 0, 0, "engine", "events", "engine.config.reloaded",
                 fmt::format("Configuration Reloaded: {}.", listed(result))});
    return result;
}

// Those of a binding that have been replaced and are not gone.
std::vector<binding_runtime*> engine::impl::older_than(const binding_runtime& b) const {
    std::vector<binding_runtime*> out;
    for (const auto& d : draining)
        if (d->name == b.name) out.push_back(d.get());
    return out;
}

// Generations cost memory, so there is an end to them. A reload with a deadline makes room: it is
// for the older ones as well.
void engine::impl::check_generations(assembler& a, const std::vector<generation_ptr>& next,
                                     const reload_options& how) {
    const uint64_t patient_until = monotonic_ns() + leaving_ns;
    for (const auto& n : next) {
        const bool runs = std::any_of(serving.begin(), serving.end(),
                                      [&](const auto& s) { return s->name == n->name; });
        const auto full = [&] { return older_than(*n).size() + (runs ? 1 : 0) >= generations_max; };
        // One reload right after the other: what nobody uses is on its way out.
        while (full() && !how.drain && monotonic_ns() < patient_until) {
            tend();
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        if (!full()) continue;
        const auto older = older_than(*n);
        if (!how.drain) {
            a.problem(n->config, "",
                      fmt::format("{} generations of this binding still have streams (the limit "
                                  "is {}): reload with --drain SECONDS to end the older ones",
                                  older.size() + 1, generations_max));
            continue;
        }
        for (auto* d : older)
            if (d->deadline_ns > deadline_of(how)) drain(*d, WEFT_DRAIN_REPLACE, deadline_of(how));
    }
}

void engine::impl::retire(generation_ptr old, uint32_t why, uint64_t deadline_ns) {
    drain(*old, why, deadline_ns);
    draining.push_back(std::move(old));
    if (options.wake) options.wake();
}

bool engine::impl::at_rest_everywhere(const binding_runtime& b) const {
    for (const auto& w : b.instances) {
        bool rests = true;
        if (w->attached) w->loop->call([&] { rests = w->at_rest(); });
        if (!rests) return false;
    }
    return true;
}

std::optional<steady_clock::time_point> engine::impl::tend() {
    uint64_t next = UINT64_MAX;
    const uint64_t now = monotonic_ns();
    for (auto& b : draining) {
        if (at_rest_everywhere(*b)) {
            detach(*b);
            keep_metrics(*b);
            if (b->object) b->vt->destroy(b->object);
            events.emit({WEFT_INFO, 0, 0, b->config.ns, b->config.name, "engine.binding.drained",
                         fmt::format("Generation {} has ended.", b->generation)});
            std::lock_guard lock(instances_mutex);
            b.reset();
            continue;
        }
        if (b->deadline_ns == UINT64_MAX) continue;
        const uint64_t end = b->deadline_ns + goodbye_ns;
        if (now >= end) {
            for (auto& w : b->instances) w->loop->call([&] { w->loop->close_streams_of(w.get()); });
            next = std::min(next, now + goodbye_ns);
        } else {
            next = std::min(next, end);
        }
    }
    std::erase(draining, nullptr);
    if (next == UINT64_MAX) return std::nullopt;
    return steady_clock::time_point(std::chrono::nanoseconds(next));
}

}  // namespace weft
