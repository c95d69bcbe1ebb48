// From one configuration to the next while everything runs: a changed binding gets a generation
// beside the old one, and the old one drains.
#include "engine/engine_impl.hpp"
#include "loader/plugin_library.hpp"
#include "worker/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
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
    add("renewed", r.renewed);
    return out.empty() ? "nothing changed" : out;
}

std::set<std::string> names_of(const std::vector<std::string>& a,
                               const std::vector<std::string>& b) {
    std::set<std::string> out(a.begin(), a.end());
    out.insert(b.begin(), b.end());
    return out;
}

}  // namespace

reload_result engine::impl::reload(const config::configuration& c,
                                   const std::vector<plugin_info>& found,
                                   const reload_options& how) {
    assembler a(options, found, libraries, ids);
    reload_result result;
    auto next = plan_changes(c, a, result);
    auto next_exporters = plan_exporters(c, a);
    auto next_vaults = a.make_vaults(c, host.vaults().current());
    auto next_guards = a.make_guards(c, host.guards().current());
    if (!how.drain) wait_for_room(a, next);
    if (!a.problems.empty()) throw startup_error(std::move(a.problems));

    auto vaults_before = host.vaults().exchange(std::move(next_vaults));
    host.listening().set_leaving(names_of(result.changed, result.removed));
    const bool ready = create_and_attach(next, a) && renew(vaults_before, result, a);
    host.listening().set_leaving({});
    if (!ready) {
        host.vaults().retire(host.vaults().exchange(std::move(vaults_before)));
        take_back(std::move(next));
        throw startup_error(std::move(a.problems));
    }
    // From here on nothing can fail.
    host.vaults().retire(std::move(vaults_before));
    host.guards().exchange(std::move(next_guards));
    go_over_to(std::move(next), result, deadline_of(how));
    events.set_exporters(next_exporters);
    exporters = std::move(next_exporters);
    events.emit({WEFT_INFO, 0, 0, "engine", "events", "engine.config.reloaded",
                 fmt::format("Configuration Reloaded: {}.", listed(result))});
    return result;
}

// The generations that are to be made, and what is different in words.
engine::impl::generation_list engine::impl::plan_changes(const config::configuration& c,
                                                         assembler& a, reload_result& result) {
    a.name_all(c.bindings);
    generation_list next;
    std::set<std::string> wanted;
    for (const auto& b : c.bindings) {
        auto planned = a.plan(b);
        const auto& name = *wanted.insert(b.qualified_name()).first;
        if (!planned) continue;
        const auto runs = find_serving(name);
        if (runs != serving.end() && (*runs)->fingerprint == planned->fingerprint) {
            ++result.unchanged;
            continue;
        }
        (runs == serving.end() ? result.added : result.changed).push_back(name);
        planned->generation = lives[name] + 1;
        next.push_back(std::move(planned));
    }
    for (const auto& b : serving)
        if (!wanted.contains(b->name)) result.removed.push_back(b->name);
    return next;
}

std::vector<std::shared_ptr<exporter_runtime>> engine::impl::plan_exporters(
    const config::configuration& c, assembler& a) const {
    std::vector<std::shared_ptr<exporter_runtime>> next;
    for (const auto& e : c.exporters) {
        auto planned = a.plan_exporter(e);
        if (!planned) continue;
        const auto same = std::find_if(exporters.begin(), exporters.end(), [&](const auto& x) {
            return x->fingerprint == planned->fingerprint;
        });
        if (same != exporters.end())
            next.push_back(*same);
        else if (a.create_exporter(*planned))
            next.push_back(std::move(planned));
    }
    return next;
}

// Bindings that live on read anew from vaults that have other content. All of them or none.
bool engine::impl::renew(const vault_map& before, reload_result& changes, assembler& a) {
    const auto replaced = names_of(changes.changed, changes.removed);
    const auto now = host.vaults().current();
    const auto renews = [&](const vaults::watcher& w) {
        const auto was = before.find(w.vault), is = now.find(w.vault);
        if (was == before.end() || is == now.end() || was->second == is->second) return false;
        const auto serves = find_serving(w.binding->name);
        return serves != serving.end() && serves->get() == w.binding &&
               !replaced.contains(w.binding->name);
    };
    std::vector<vaults::watcher> renewed;
    for (const auto& w : host.vaults().watchers()) {
        if (!renews(w)) continue;
        weft_error error{};
        if (w.renew(w.ctx, &error) == WEFT_OK) {
            renewed.push_back(w);
            changes.renewed.push_back(w.binding->name);
            continue;
        }
        a.problem(w.binding->config, error.path, error.text);
        // Back to what was, which has been good once.
        auto refused = host.vaults().exchange(before);
        for (const auto& r : renewed) r.renew(r.ctx, &error);
        host.vaults().exchange(std::move(refused));
        return false;
    }
    return true;
}

bool engine::impl::create_and_attach(const generation_list& next, assembler& a) {
    for (const auto& b : next) a.create(*b);
    if (!a.problems.empty()) return false;
    for (auto* b : exits_first(next))
        if (!attach(*b, a.problems)) return false;
    return true;
}

// A reload that failed: what was made of it goes, whatever has come to it meanwhile.
void engine::impl::take_back(generation_list next) {
    generation_list attached;
    for (auto& b : next) {
        if (!b->instances.empty()) {
            drain(*b, WEFT_DRAIN_STOP, monotonic_ns());
            attached.push_back(std::move(b));
        } else {
            destroy(*b);
        }
    }
    watch_drain(std::move(attached));
}

// What is new goes to the new generations, the old ones drain, those that accept first.
void engine::impl::go_over_to(generation_list next, const reload_result& result,
                              uint64_t deadline_ns) {
    for (auto* b : exits_first(next)) direct(*b);
    // A deadline makes room: then it is for the older ones as well.
    for (const auto& n : next)
        if (count_lives(n->name) >= generations_max)
            for (auto& d : draining)
                if (d->name == n->name && d->deadline_ns > deadline_ns)
                    drain(*d, WEFT_DRAIN_REPLACE, deadline_ns);
    generation_list old;
    for (auto& b : next) {
        lives[b->name] = b->generation;
        const auto runs = find_serving(b->name);
        if (runs == serving.end()) {
            serving.push_back(std::move(b));
        } else {
            std::swap(*runs, b);
            old.push_back(std::move(b));
        }
    }
    for (const auto& name : result.removed) {
        const auto gone = find_serving(name);
        for (auto& l : loops) l->call([&] { l->set_exit((*gone)->id, nullptr); });
        old.push_back(std::move(*gone));
        serving.erase(gone);
    }
    const auto order = exits_first(old);
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
        const bool succeeded = find_serving((*it)->name) != serving.end();
        drain(**it, succeeded ? WEFT_DRAIN_REPLACE : WEFT_DRAIN_REMOVE, deadline_ns);
    }
    watch_drain(std::move(old));
}

// Generations cost memory, so there is an end to them, unless the reload comes with a deadline.
// After another reload a moment ago, what nobody uses is on its way out and waited for.
void engine::impl::wait_for_room(assembler& a, const generation_list& next) {
    const uint64_t patient_until = monotonic_ns() + leaving_ns;
    for (const auto& n : next) {
        while (count_lives(n->name) >= generations_max && monotonic_ns() < patient_until) {
            tend();
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        if (const auto count = count_lives(n->name); count >= generations_max)
            a.problem(n->config, "",
                      fmt::format("{} generations of this binding still have streams (the limit "
                                  "is {}): reload with --drain SECONDS to end the older ones",
                                  count, generations_max));
    }
}

size_t engine::impl::count_lives(const std::string& name) const {
    size_t count = 0;
    for (const auto* b : all())
        if (b->name == name) ++count;
    return count;
}

// From now on tend() sees to them.
void engine::impl::watch_drain(generation_list old) {
    std::move(old.begin(), old.end(), std::back_inserter(draining));
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
            destroy(*b);
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
    host.vaults().sweep();
    host.guards().sweep();
    if (next == UINT64_MAX) return std::nullopt;
    return steady_clock::time_point(std::chrono::nanoseconds(next));
}

}  // namespace weft
