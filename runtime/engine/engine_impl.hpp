// What the engine is made of; engine.cpp starts, stops and looks at it, reload.cpp changes it.
#pragma once

#include "engine/assembly.hpp"
#include "engine/engine.hpp"
#include "engine/services.hpp"
#include "engine/watchdog.hpp"
#include "events/bus.hpp"
#include "worker/loop.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace weft {

struct engine::impl final : loop_host {
    using generation_ptr = std::unique_ptr<binding_runtime>;
    using generation_list = std::vector<generation_ptr>;

    impl(engine_options o, std::vector<plugin_info> p)
        : options(std::move(o)),
          plugins(std::move(p)),
          events(options.verbose),
          libraries(options.directory + "/plugins", host) {}

    // loop_host
    void violation(weft_worker* culprit, const std::string& text) override;
    void at_rest(weft_worker*) override {
        if (options.wake) options.wake();
    }

    // Starting and ending.
    void start(const config::configuration& c, std::function<void()> on_ready);
    bool shut_down(std::chrono::milliseconds grace);

    // Both.
    static std::vector<binding_runtime*> exits_first(const generation_list& of);
    bool attach(binding_runtime& b, std::vector<config::problem>& problems);
    void direct(const binding_runtime& b);
    void drain(binding_runtime& b, uint32_t why, uint64_t deadline_ns);
    void detach(binding_runtime& b);
    bool at_rest_everywhere(const binding_runtime& b) const;
    void keep_metrics(const binding_runtime& b);

    // Changing.
    reload_result reload(const config::configuration& c, const std::vector<plugin_info>& found,
                         const reload_options& how);
    generation_list plan_changes(const config::configuration& c, assembler& a,
                                 reload_result& result);
    std::vector<std::shared_ptr<exporter_runtime>> plan_exporters(const config::configuration& c,
                                                                  assembler& a) const;
    bool renew(const vault_map& before, reload_result& changes, assembler& a);
    void destroy(binding_runtime& b);
    void wait_for_room(assembler& a, const generation_list& next);
    bool create_and_attach(const generation_list& next, assembler& a);
    void take_back(generation_list next);
    void go_over_to(generation_list next, const reload_result& result, uint64_t deadline_ns);
    size_t count_lives(const std::string& name) const;
    void watch_drain(generation_list old);
    generation_list::iterator find_serving(const std::string& name) {
        return std::find_if(serving.begin(), serving.end(),
                            [&](const auto& b) { return b->name == name; });
    }
    std::optional<std::chrono::steady_clock::time_point> tend();

    // Looking.
    uint64_t count_streams() const;
    bool tasks_pending() const;
    std::vector<metric_value> metrics() const;
    std::vector<generation_info> generations() const;
    std::vector<const binding_runtime*> all() const;

    engine_options options;
    std::vector<plugin_info> plugins;
    event_bus events;
    service_host host{events};
    plugin_libraries libraries;
    std::vector<std::unique_ptr<loop>> loops;
    std::unordered_map<std::string, uint64_t> ids;  // "ns:name" to exit id, for ever
    std::map<std::string, uint32_t> lives;          // "ns:name" to its newest generation's number
    // Held while instances are given up, by whoever looks at one of another thread's.
    std::mutex instances_mutex;
    generation_list serving;
    generation_list draining;  // oldest first
    std::vector<std::shared_ptr<exporter_runtime>> exporters;
    // What gone generations have counted: counters never go back.
    std::map<std::tuple<std::string, std::string, std::string>, uint64_t> past_counts;
    std::unique_ptr<watchdog> watching;
    std::atomic<engine_state> state{engine_state::stopped};
};

}  // namespace weft
