#include "config.hpp"

namespace weft::tcp {

namespace {

constexpr const char* threshold_property = "zilla.binding.tcp.window.threshold";
constexpr const char* timeout_property = "zilla.binding.tcp.connect.timeout.ms";
constexpr const char* capacity_property = "zilla.engine.worker.capacity.limit";

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

}  // namespace

server_config::server_config(const binding_config& c) : socket(parse_socket(c)), routes(c.routes) {
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
}

client_config::client_config(const binding_config& c)
    : socket(parse_socket(c)), permitted(c.routes) {
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
