// The configuration that a binding under test gets: what the test wrote, completed.
#pragma once

#include <weft/abi.h>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace weft::testing {

// The exit that a binding's default route leads to.
inline constexpr uint64_t exit_id = 1;

namespace detail {

inline std::string first_kind(const weft_binding_vt& b) {
    static const std::pair<uint32_t, const char*> names[] = {{WEFT_SERVER, "server"},
                                                             {WEFT_CLIENT, "client"},
                                                             {WEFT_PROXY, "proxy"},
                                                             {WEFT_CACHE_SERVER, "cache_server"},
                                                             {WEFT_CACHE_CLIENT, "cache_client"},
                                                             {WEFT_REMOTE_SERVER, "remote_server"},
                                                             {WEFT_REMOTE_CLIENT, "remote_client"}};
    for (const auto& [bit, name] : names)
        if (b.kinds & bit) return name;
    return "server";
}

// The `exit` rule of a kind in the plugin's schema; empty when the schema does not say.
inline std::string exit_rule(const weft_binding_vt& b, const std::string& kind) {
    const auto schema =
        nlohmann::json::parse(b.options_schema ? b.options_schema : "{}", nullptr, false);
    if (!schema.is_object()) return {};
    const auto kinds = schema.find("kinds");
    if (kinds == schema.end() || !kinds->contains(kind)) return {};
    const auto& k = kinds->at(kind);
    return k.is_object() ? k.value("exit", std::string()) : std::string();
}

// Everything that create may expect; see weft_binding_vt. What the text says stays.
inline nlohmann::json complete_config(std::string_view text, const weft_binding_vt& b,
                                      const std::string& directory, uint32_t workers) {
    auto c = nlohmann::json::parse(text);
    const auto set = [&c](const char* key, nlohmann::json value) {
        if (!c.contains(key)) c[key] = std::move(value);
    };
    set("namespace", "test");
    set("type", b.type);
    set("name", b.type);
    set("kind", first_kind(b));
    set("vault", nullptr);
    set("options", nlohmann::json::object());
    set("properties", nlohmann::json::object());
    set("engine", nlohmann::json::object());
    auto& engine = c["engine"];
    if (!engine.contains("directory")) engine["directory"] = directory;
    if (!engine.contains("cache_directory")) engine["cache_directory"] = directory + "/cache";
    if (!engine.contains("workers")) engine["workers"] = workers;
    if (!engine.contains("instance")) engine["instance"] = "test";
    if (!c.contains("routes"))
        c["routes"] = exit_rule(b, c["kind"]) == "forbidden"
                          ? nlohmann::json::array()
                          : nlohmann::json::array({{{"exit", exit_id}}});
    for (auto& r : c["routes"]) {
        for (const char* key : {"guarded", "when", "with"})
            if (!r.contains(key)) r[key] = nullptr;
        if (!r.contains("exit")) r["exit"] = 0;
        if (!r.contains("exit_name"))
            r["exit_name"] = "test:exit" + std::to_string(r["exit"].get<uint64_t>());
    }
    return c;
}

}  // namespace detail
}  // namespace weft::testing
