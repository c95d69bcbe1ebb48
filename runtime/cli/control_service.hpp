// What a running instance answers on its control socket: one JSON object per line in each
// direction.
//
//   {"command": "status"}                                  {"ok": true, "status": {...}}
//   {"command": "metrics", "namespace": "n", "binding": "b"}  {"ok": true, "metrics": [{...}]};
//   both filters optional
//   {"command": "plugins"}                                 {"ok": true, "plugins": [{...}]}
//   {"command": "generations"}                             {"ok": true, "generations": [{...}]}
//   {"command": "reload", "drain_ms": 5000}                {"ok": true, "changed": [...], ...} or
//   {"ok": false, "problems": ["zilla.yaml:3:5: ..."]}; the deadline is optional
//   {"command": "wait", "timeout_ms": 1000}                answered when ready, or {"ok": false,
//   "error": ..., "status": {...}} in time
//   {"command": "stop"}                                    {"ok": true, "pid": 1, "grace_ms":
//   5000}; the connection ends with the process
//
// Whatever cannot be answered gets {"ok": false, "error": "..."}.
#pragma once

#include "engine/engine.hpp"
#include "loader/plugin_info.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace weft::cli {

// What the service talks about; the engine, or a fake of it.
class instance_view {
public:
    virtual ~instance_view() = default;
    virtual engine_status status() const = 0;
    virtual std::vector<metric_value> metrics() const = 0;
    virtual const std::vector<plugin_info>& plugins() const = 0;
    // What does not change: pid, version, workers, directory, config, bindings.
    virtual nlohmann::json facts() const = 0;
    virtual std::chrono::milliseconds grace() const = 0;
    virtual std::vector<generation_info> generations() const = 0;
    // Reads everything again and goes over to it; the answer is as above.
    virtual nlohmann::json reload(std::optional<std::chrono::milliseconds> drain) = 0;
    // Begins the end of the process; returns at once.
    virtual void request_stop() = 0;
};

struct answer {
    nlohmann::json body;
    bool wait = false;  // answered later: when ready, or at the timeout
    std::chrono::milliseconds timeout{0};
    bool hold = false;  // keep the connection until the process ends
};

answer handle(const std::string& request, instance_view& instance);

nlohmann::json status_json(const instance_view& instance);
nlohmann::json plugins_json(const std::vector<plugin_info>& plugins);
const char* state_name(engine_state state);

}  // namespace weft::cli
