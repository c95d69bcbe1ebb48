// Which exit takes a connection, and under which subprotocol: `when` of the routes, in their order.
#pragma once

#include <weft/guard.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ws {

struct facts {
    std::string_view scheme, authority, path;
};

struct condition {
    std::optional<std::string> protocol, scheme, authority, path;

    bool matches(const facts& f) const;  // but for the protocol
};

struct route {
    std::vector<condition> when;  // one of them; none: always
    guarded_rule guarded;
    uint64_t exit = 0;
};

// Throws config_error.
std::vector<route> read_routes(const binding_config& c);

struct choice {
    const route* to = nullptr;  // nullptr: none matches and admits
    std::string_view protocol;  // one of those offered, or empty
};
// The first route that takes one of the protocols wins, whatever their order.
choice choose_route(const std::vector<route>& routes, const facts& f,
                    const std::vector<std::string>& offered, const worker& w, uint64_t auth);

}  // namespace weft::ws
