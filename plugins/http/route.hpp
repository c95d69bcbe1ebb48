// Which exit takes a request: `when[].headers` of the routes, in their order.
#pragma once

#include "request.hpp"

#include <weft/guard.hpp>
#include <weft/text.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::http {

// `*` is any characters, also none, and `{name}` one or more; the rest is literal and the whole
// text must match.
inline bool wildcard_matches(std::string_view pattern, std::string_view text,
                             bool any_case = false) {
    return wildcard_match(pattern, text, {any_case, true});
}

struct condition {
    std::string name;  // ":scheme", ":authority", ":path", ":method", or a field in lower case
    std::string pattern;
};

struct route {
    std::vector<std::vector<condition>> when;  // one of them, all of its conditions; none: always
    uint64_t exit = 0;
    guarded_rule guarded{};

    bool matches(const request& r, std::string_view scheme) const;
};

struct routing {
    const route* to = nullptr;  // the first that matches and admits
    bool refused = false;       // one matches that does not admit
};
// `who`: null for an anonymous client.
routing find_route(const std::vector<route>& routes, const request& r, std::string_view scheme,
                   const weft_guard_session* who = nullptr);

}  // namespace weft::http
