#include "cli/control_service.hpp"

#include "config/installed.hpp"

#include <algorithm>

namespace weft::cli {

namespace {

using nlohmann::json;

constexpr int64_t wait_ms_max = 24 * 3600 * 1000;

json failure(std::string text) {
    return {{"ok", false}, {"error", std::move(text)}};
}

json metrics_json(const json& request, const instance_view& instance) {
    const auto filter_ns = request.value("namespace", std::string());
    const auto filter_binding = request.value("binding", std::string());
    json out = json::array();
    for (const auto& m : instance.metrics()) {
        if ((!filter_ns.empty() && m.ns != filter_ns) ||
            (!filter_binding.empty() && m.binding != filter_binding))
            continue;
        out.push_back({{"namespace", m.ns},
                       {"binding", m.binding},
                       {"metric", m.name},
                       {"value", m.value},
                       {"gauge", m.gauge}});
    }
    return out;
}

json generations_json(const instance_view& instance) {
    json out = json::array();
    for (const auto& g : instance.generations()) {
        json one = {{"binding", g.binding},       {"type", g.type},
                    {"version", g.version},       {"file", g.file},
                    {"generation", g.generation}, {"state", g.draining ? "draining" : "serving"},
                    {"streams", g.streams}};
        if (g.drain_left) one["drain_left_ms"] = g.drain_left->count();
        out.push_back(std::move(one));
    }
    return out;
}

answer dispatch(const json& request, instance_view& instance) {
    const auto command = request.at("command").get<std::string>();
    if (command == "status") return {{{"ok", true}, {"status", status_json(instance)}}};
    if (command == "metrics") return {{{"ok", true}, {"metrics", metrics_json(request, instance)}}};
    if (command == "plugins")
        return {{{"ok", true}, {"plugins", plugins_json(instance.plugins())}}};
    if (command == "generations")
        return {{{"ok", true}, {"generations", generations_json(instance)}}};
    if (command == "reload") {
        std::optional<std::chrono::milliseconds> drain;
        if (request.contains("drain_ms"))
            drain = std::chrono::milliseconds(
                std::clamp<int64_t>(request.at("drain_ms").get<int64_t>(), 0, wait_ms_max));
        return {instance.reload(drain)};
    }
    if (command == "wait") {
        answer a;
        a.wait = true;
        a.timeout = std::chrono::milliseconds(
            std::clamp<int64_t>(request.value("timeout_ms", int64_t{0}), 0, wait_ms_max));
        return a;
    }
    if (command == "stop") {
        instance.request_stop();
        answer a;
        a.body = {{"ok", true},
                  {"pid", instance.facts().value("pid", 0)},
                  {"grace_ms", instance.grace().count()}};
        a.hold = true;
        return a;
    }
    return {failure("unknown command '" + command +
                    "' (allowed: status, metrics, plugins, generations, reload, wait, stop)")};
}

}  // namespace

const char* state_name(engine_state state) {
    switch (state) {
        case engine_state::stopped:
            return "stopped";
        case engine_state::starting:
            return "starting";
        case engine_state::listening:
            return "listening";
        case engine_state::ready:
            return "ready";
        case engine_state::stopping:
            return "stopping";
    }
    return "unknown";
}

json status_json(const instance_view& instance) {
    const engine_status s = instance.status();
    json out = instance.facts();
    out["state"] = state_name(s.state);
    out["waiting_for"] = s.waiting_for;
    out["streams"] = s.streams;
    return out;
}

json plugins_json(const std::vector<plugin_info>& plugins) {
    json out = json::array();
    for (const auto& p : plugins) {
        out.push_back({{"type", p.type},
                       {"role", p.role},
                       {"kinds", config::kind_names(p.kinds)},
                       {"version", p.version},
                       {"abi", std::to_string(p.abi_major) + "." + std::to_string(p.abi_minor)},
                       {"file", p.file},
                       {"error", p.error}});
    }
    return out;
}

answer handle(const std::string& request, instance_view& instance) {
    try {
        const json parsed = json::parse(request);
        if (!parsed.is_object()) return {failure("expected a JSON object")};
        return dispatch(parsed, instance);
    } catch (const json::exception& e) {
        return {failure(e.what())};
    }
}

}  // namespace weft::cli
