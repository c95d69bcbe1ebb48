#include "config.hpp"

namespace weft::tcp {

namespace {

constexpr const char* threshold_property = "zilla.binding.tcp.window.threshold";
constexpr const char* timeout_property = "zilla.binding.tcp.connect.timeout.ms";
constexpr const char* capacity_property = "zilla.engine.worker.capacity.limit";
constexpr const char* arrival_timeout_property = "weft.binding.tcp.arrival.timeout.ms";
constexpr const char* arrivals_property = "weft.binding.tcp.arrivals.maximum";

// An integer property within bounds; the error names it.
int64_t bounded(const binding_config& c, const char* name, int64_t fallback, int64_t low,
                int64_t high) {
    const int64_t v = c.property(name, fallback);
    if (v < low || v > high)
        throw config_error("", std::string("property ") + name + ": " + std::to_string(v) +
                                   " is not within " + std::to_string(low) + " to " +
                                   std::to_string(high));
    return v;
}

socket_config parse_socket(const binding_config& c) {
    socket_config s;
    s.nodelay = c.options.value("nodelay", s.nodelay);
    s.keepalive = c.options.value("keepalive", s.keepalive);
    s.window_threshold_percent = static_cast<uint32_t>(bounded(c, threshold_property, 0, 0, 100));
    return s;
}

source_limits parse_sources(const nlohmann::json& options) {
    source_limits s;
    const auto it = options.find("sources");
    if (it == options.end()) return s;
    s.connections = it->value("connections", s.connections);
    s.rate = it->value("rate", s.rate);
    s.burst = it->value("burst", s.rate * limits::source_burst_seconds);
    s.remembered = it->value("remembered", s.remembered);
    if (it->contains("burst") && s.rate == 0)
        throw config_error("/options/sources/burst", "'burst' needs 'rate', which it adds to");
    if (!s.any())
        throw config_error("/options/sources", "'sources' needs 'rate', 'connections', or both");
    return s;
}

std::vector<cidr> parse_proxies(const nlohmann::json& options) {
    std::vector<cidr> out;
    const auto it = options.find("proxy-protocol");
    if (it == options.end()) return out;
    const std::string path = "/options/proxy-protocol/trusted";
    if (!it->contains("trusted") || it->at("trusted").empty())
        throw config_error("/options/proxy-protocol",
                           "'proxy-protocol' needs 'trusted', the networks of the proxies, for "
                           "example [10.0.0.0/8]");
    for (const auto& item : it->at("trusted")) {
        const auto text = item.get<std::string>();
        const auto network = cidr::parse(text);
        if (!network)
            throw config_error(path + "/" + std::to_string(out.size()),
                               "'" + text +
                                   "' is not a network: use an address and prefix such as "
                                   "10.0.0.0/8 or fd00::/8");
        out.push_back(*network);
    }
    return out;
}

std::string parse_guard(const binding_config& c) {
    const auto it = c.options.find("authorization");
    if (it == c.options.end()) return {};
    const std::string name = it->begin().key();
    if (!c.options.contains("proxy-protocol"))
        throw config_error("/options/authorization",
                           "'authorization' needs 'proxy-protocol': a TCP connection has no "
                           "identity but the one that a proxy which ends TLS tells of it");
    return c.qualified(name);
}

// They stay closed, so that this is no error; but nobody writes them to have them closed.
std::vector<std::string> closed_routes(const binding_config& c, const std::string& guard) {
    std::vector<std::string> out;
    for (size_t i = 0; i < c.routes.size(); ++i) {
        if (!c.routes[i].guarded.is_object()) continue;
        for (const auto& item : c.routes[i].guarded.items()) {
            const auto asked = c.qualified(item.key());
            if (asked == guard) continue;
            out.push_back("binding " + c.qualified_name() + ": routes[" + std::to_string(i) +
                          "] (to " + c.routes[i].exit_name + ") is guarded by '" + asked +
                          "', which is not asked who connects (options.authorization): the route "
                          "takes nobody");
            break;
        }
    }
    return out;
}

}  // namespace

server_config::server_config(const binding_config& c)
    : socket(parse_socket(c)), routes(c.routes, c) {
    if (!c.options.contains("host"))
        throw config_error("/options", "a tcp server needs 'host', for example 0.0.0.0");
    if (!c.options.contains("port")) throw config_error("/options", "a tcp server needs 'port'");
    host = c.options["host"].get<std::string>();
    ports = port_set::parse(c.options["port"], "/options/port");
    if (ports.empty()) throw config_error("/options/port", "a tcp server needs at least one port");
    if (ports.count() > limits::ports_max)
        throw config_error("/options/port", std::to_string(ports.count()) +
                                                " ports are more than the " +
                                                std::to_string(limits::ports_max) +
                                                " that one binding may listen on");
    if (routes.empty()) throw config_error("", "a tcp server needs 'exit' or routes");
    backlog = c.options.value("backlog", backlog);
    connections_max = c.options.value("connections", connections_max);
    worker_connections_max = static_cast<uint32_t>(bounded(c, capacity_property, 0, 0, INT32_MAX));
    sources = parse_sources(c.options);
    proxies = parse_proxies(c.options);
    guard = parse_guard(c);
    warnings = closed_routes(c, guard);
    arrival_timeout_ms = static_cast<uint64_t>(
        bounded(c, arrival_timeout_property, static_cast<int64_t>(limits::arrival_timeout_ms), 1,
                3'600'000));
    arrivals_max =
        static_cast<uint32_t>(bounded(c, arrivals_property, limits::arrivals_max, 1, 1'000'000));
}

client_config::client_config(const binding_config& c)
    : socket(parse_socket(c)), permitted(c.routes, c) {
    const bool has_host = c.options.contains("host"), has_port = c.options.contains("port");
    if (has_host != has_port)
        throw config_error(
            "/options",
            "a tcp client's fixed destination needs both 'host' and 'port', or neither");
    if (has_host) {
        host = c.options["host"].get<std::string>();
        const auto ports = port_set::parse(c.options["port"], "/options/port");
        if (ports.empty())
            throw config_error("/options/port", "a tcp client needs a port to connect to");
        port = ports.first();
    }
    connect_timeout_ms = static_cast<uint64_t>(bounded(
        c, timeout_property, static_cast<int64_t>(limits::connect_timeout_ms), 1, 3'600'000));
}

}  // namespace weft::tcp
