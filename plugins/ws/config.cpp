#include "config.hpp"

#include <weft/text.hpp>

#include <algorithm>

namespace weft::ws {
namespace {

using nlohmann::json;

constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint64_t ping_interval_s = 30, ping_timeout_s = 10;

uint64_t timeout_ns(const binding_config& c, const char* name, int64_t fallback_ms) {
    const auto key = std::string("zilla.binding.ws.") + name + ".timeout.ms";
    const int64_t ms = c.property(key, fallback_ms);
    if (ms < 1 || ms > timeout_ms_max)
        throw config_error("", "property " + key + ": " + std::to_string(ms) +
                                   " is not allowed (1 to " + std::to_string(timeout_ms_max) + ")");
    return static_cast<uint64_t>(ms) * 1'000'000;
}

std::optional<compression> read_compression(const json& options) {
    const auto it = options.find("compression");
    if (it == options.end()) return std::nullopt;
    const auto& j = *it;
    if (!j.value("enabled", true)) return std::nullopt;
    compression c;
    c.window_bits = j.value("window-bits", c.window_bits);
    c.peer_window_bits = j.value("peer-window-bits", c.peer_window_bits);
    c.takeover = j.value("context-takeover", c.takeover);
    c.peer_takeover = j.value("peer-context-takeover", c.peer_takeover);
    c.memory_level = j.value("memory-level", c.memory_level);
    c.level = j.value("level", c.level);
    c.threshold = j.value("threshold", c.threshold);
    c.memory = j.value("memory", c.memory);
    return c;
}

void read_limits(const json& options, ws_config& out) {
    const auto limits = options.value("limits", json::object());
    out.message_max = limits.value("message", out.message_max);
    out.frame_max = limits.value("frame", out.message_max);
    if (out.frame_max > out.message_max)
        throw config_error("/options/limits/frame", "a frame cannot be larger than a message (" +
                                                        std::to_string(out.message_max) + ")");
}

void read_ping(const json& options, ws_config& out) {
    const auto it = options.find("ping");
    if (it == options.end()) return;
    out.ping_interval_ns = it->value("interval", ping_interval_s) * ns_per_s;
    out.ping_timeout_ns = it->value("timeout", ping_timeout_s) * ns_per_s;
}

// Each of these goes into a line of a request.
std::string header_text(const json& defaults, const char* name, std::string fallback) {
    auto text = defaults.value(name, std::move(fallback));
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
    });
    if (!printable)
        throw config_error(std::string("/options/defaults/") + name,
                           "only printable characters without blanks are allowed");
    return text;
}

}  // namespace

bool ws_config::admits(std::string_view origin) const {
    if (origins.empty() || origin.empty()) return true;
    return std::any_of(origins.begin(), origins.end(), [&](const std::string& pattern) {
        return wildcard_match(pattern, origin, {true});
    });
}

ws_config read_config(const binding_config& c) {
    ws_config out;
    out.is = c.kind == "client" ? kind::client : kind::server;
    out.binding = c.qualified_name();
    out.routes = read_routes(c);
    out.deflate = read_compression(c.options);
    read_limits(c.options, out);
    read_ping(c.options, out);
    out.origins = c.options.value("origins", std::vector<std::string>());
    const auto defaults = c.options.value("defaults", json::object());
    out.protocol = header_text(defaults, "protocol", "");
    out.scheme = header_text(defaults, "scheme", out.scheme);
    out.authority = header_text(defaults, "authority", "");
    out.path = header_text(defaults, "path", out.path);
    if (!out.path.starts_with('/'))
        throw config_error("/options/defaults/path", "a path begins with '/'");
    out.handshake_timeout_ns = timeout_ns(c, "handshake", handshake_timeout_ms);
    out.close_timeout_ns = timeout_ns(c, "close", close_timeout_ms);
    return out;
}

}  // namespace weft::ws
