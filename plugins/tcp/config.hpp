// The options of a tcp binding as constants; every default is visible here or in limits.hpp.
#pragma once

#include "limits.hpp"
#include "ports.hpp"
#include "route.hpp"

#include <weft/config.hpp>

#include <string>
#include <vector>

namespace weft::tcp {

struct socket_config {
    bool nodelay = true;
    bool keepalive = false;
    uint32_t window_threshold_percent = 0;  // zilla.binding.tcp.window.threshold
};

// What one source of connections may take; see source_table. 0: no limit.
struct source_limits {
    uint32_t connections = 0;  // open at once
    uint32_t rate = 0;         // new ones per second
    uint32_t burst = 0;        // at once; with a rate at least 1
    uint32_t remembered = limits::sources_remembered;

    bool any() const { return connections != 0 || rate != 0; }
};

struct server_config {
    std::string host;
    port_set ports;
    int32_t backlog = limits::backlog_default;
    uint32_t connections_max = 0;  // of the binding, all workers together; 0: no limit
    uint32_t worker_connections_max =
        0;  // of all tcp servers of one worker, zilla.engine.worker.capacity.limit; 0: no limit
    source_limits sources;
    // Who may, and must, say in a PROXY header whose connection it is; empty: there is no header.
    std::vector<cidr> proxies;
    // Asked who a client is, by the common name in its PROXY header; empty: nobody is.
    std::string guard;
    uint64_t arrival_timeout_ms = limits::arrival_timeout_ms;
    uint32_t arrivals_max = limits::arrivals_max;  // per worker
    socket_config socket;
    route_table routes;
    std::vector<std::string> warnings;

    explicit server_config(const binding_config& c);
};

struct client_config {
    std::string host;  // empty: the destination comes with each stream
    uint16_t port = 0;
    uint64_t connect_timeout_ms = limits::connect_timeout_ms;
    socket_config socket;
    route_table permitted;  // empty: see README

    explicit client_config(const binding_config& c);
};

}  // namespace weft::tcp
