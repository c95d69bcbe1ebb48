// The options and routes of an http server, from JSON to values; every default is visible here.
#pragma once

#include "credentials.hpp"
#include "limits.hpp"
#include "route.hpp"

#include <weft/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::http {

enum class access : uint8_t { any, same_origin, cross_origin };

struct server_config {
    access policy = access::any;
    std::vector<std::string> allowed_origins;  // cross_origin: these alone; none: all
    std::optional<guard_use> guard;
    std::vector<route> routes;
    uint64_t head_timeout_ns = head_timeout_ms * 1'000'000;
    uint64_t idle_timeout_ns = idle_timeout_ms * 1'000'000;
    uint64_t answer_timeout_ns = answer_timeout_ms * 1'000'000;

    // May a page of this Origin ask? One without Origin is no browser's.
    bool admits(std::string_view origin, std::string_view scheme, std::string_view authority) const;
};

// Throws config_error.
server_config read_config(const binding_config& c);

}  // namespace weft::http
