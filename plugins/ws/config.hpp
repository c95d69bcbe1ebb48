// The options of a ws binding, from JSON to values; every default is visible here.
#pragma once

#include "extension.hpp"
#include "limits.hpp"
#include "route.hpp"

#include <weft/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::ws {

enum class kind : uint8_t { server, client };

struct ws_config {
    kind is = kind::server;
    std::string binding;  // qualified name
    std::vector<route> routes;
    std::optional<compression> deflate;  // nothing: not agreed upon
    uint64_t ping_interval_ns = 0;       // 0: none are sent
    uint64_t ping_timeout_ns = 0;        // what a peer may take to answer
    uint64_t message_max = message_size_max, frame_max = message_size_max;
    std::vector<std::string> origins;  // patterns; none: all
    // Of a client: where its opener names nothing.
    std::string protocol, scheme = "http", authority, path = "/";
    uint64_t handshake_timeout_ns = handshake_timeout_ms * 1'000'000;
    uint64_t close_timeout_ns = close_timeout_ms * 1'000'000;

    // May a page of this Origin connect? A client without one is no browser.
    bool admits(std::string_view origin) const;
};

// Throws config_error.
ws_config read_config(const binding_config& c);

}  // namespace weft::ws
