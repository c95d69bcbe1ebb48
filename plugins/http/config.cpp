#include "config.hpp"

#include "tokens.hpp"

#include <algorithm>

namespace weft::http {
namespace {

using nlohmann::json;

std::string at(size_t route) {
    return "/routes/" + std::to_string(route);
}

std::vector<condition> read_item(const json& item, const std::string& path) {
    std::vector<condition> out;
    const auto headers = item.value("headers", json::object());
    for (const auto& [name, pattern] : headers.items()) {
        const auto plain =
            name.starts_with(':') ? std::string_view(name).substr(1) : std::string_view(name);
        if (!is_token(plain)) throw config_error(path, "'" + name + "' is no header's name");
        if (name.starts_with(':') && name != ":scheme" && name != ":authority" && name != ":path" &&
            name != ":method")
            throw config_error(path,
                               "'" + name + "' is none of :scheme, :authority, :path and :method");
        out.push_back({lower_case(name), pattern.get<std::string>()});
    }
    return out;
}

route read_route(const binding_config& c, const route_config& r, size_t index) {
    if (r.with.is_object() && !r.with.empty())
        throw config_error(at(index) + "/with",
                           "requests are passed on as they are: overrides are not supported");
    route out;
    out.guarded = guarded_rule(c, r.guarded);
    out.exit = r.exit;
    if (!r.when.is_array()) return out;
    for (size_t i = 0; i < r.when.size(); ++i)
        out.when.push_back(
            read_item(r.when[i], at(index) + "/when/" + std::to_string(i) + "/headers"));
    return out;
}

uint64_t timeout_ns(const binding_config& c, std::string_view name, int64_t fallback_ms) {
    const auto key = "zilla.binding.http." + std::string(name) + ".timeout.ms";
    const int64_t ms = c.property(key, fallback_ms);
    if (ms < 1 || ms > timeout_ms_max)
        throw config_error("", "property " + key + ": " + std::to_string(ms) +
                                   " is not from 1 to " + std::to_string(timeout_ms_max));
    return static_cast<uint64_t>(ms) * 1'000'000;
}

void refuse_what_is_missing(const json& options) {
    struct missing {
        const char *key, *text;
    };
    for (const auto& [key, text] :
         {missing{"requests", "models of requests are not supported"},
          missing{"overrides", "requests are passed on as they are: overrides are not supported"}})
        if (options.contains(key)) throw config_error(std::string("/options/") + key, text);
    const auto versions = options.value("versions", std::vector<std::string>{"http/1.1"});
    if (std::find(versions.begin(), versions.end(), "http/1.1") == versions.end())
        throw config_error("/options/versions", "only http/1.1 is spoken here");
}

void read_access(const json& options, server_config& out) {
    const auto control = options.value("access-control", json::object());
    const auto policy = control.value("policy", std::string());
    if (policy == "same-origin") out.policy = access::same_origin;
    if (policy == "cross-origin") out.policy = access::cross_origin;
    const auto allow = control.value("allow", json::object());
    out.allowed_origins = allow.value("origins", std::vector<std::string>());
}

// The port that goes without saying is the same as no port (RFC 6454, 4).
std::string origin_as_text(std::string_view scheme, std::string_view authority) {
    const std::string_view usual = equal_ignoring_case(scheme, "https") ? ":443" : ":80";
    if (authority.ends_with(usual)) authority.remove_suffix(usual.size());
    return lower_case(std::string(scheme) + "://" + std::string(authority));
}

}  // namespace

bool server_config::admits(std::string_view origin, std::string_view scheme,
                           std::string_view authority) const {
    if (policy == access::any || origin.empty()) return true;
    const size_t colon = origin.find("://");
    const auto theirs = colon == std::string_view::npos
                            ? lower_case(origin)
                            : origin_as_text(origin.substr(0, colon), origin.substr(colon + 3));
    if (policy == access::same_origin) return theirs == origin_as_text(scheme, authority);
    if (allowed_origins.empty()) return true;
    return std::any_of(allowed_origins.begin(), allowed_origins.end(), [&](const auto& allowed) {
        return allowed == "*" || equal_ignoring_case(allowed, origin);
    });
}

server_config read_config(const binding_config& c) {
    refuse_what_is_missing(c.options);
    server_config out;
    read_access(c.options, out);
    if (const auto it = c.options.find("authorization"); it != c.options.end())
        out.guard = read_authorization(c, *it);
    for (size_t i = 0; i < c.routes.size(); ++i)
        out.routes.push_back(read_route(c, c.routes[i], i));
    out.head_timeout_ns = timeout_ns(c, "head", head_timeout_ms);
    out.idle_timeout_ns = timeout_ns(c, "idle", idle_timeout_ms);
    out.answer_timeout_ns = timeout_ns(c, "answer", answer_timeout_ms);
    return out;
}

}  // namespace weft::http
