#include "route.hpp"

#include "tokens.hpp"

#include <algorithm>

namespace weft::http {
namespace {

// Names of hosts, schemes and protocols are the same in either case (RFC 9110, 4.2.3 and 7.8).
bool matches_in_any_case(std::string_view name) {
    return name == ":authority" || name == ":scheme" || name == "upgrade" || name == "host" ||
           name == "connection";
}

bool holds(const condition& c, const request& r, std::string_view scheme) {
    const bool any_case = matches_in_any_case(c.name);
    const auto is = [&](std::string_view text) {
        return wildcard_matches(c.pattern, text, any_case);
    };
    if (c.name == ":scheme") return is(scheme);
    if (c.name == ":authority") return is(r.authority);
    if (c.name == ":path") return is(r.path);
    if (c.name == ":method") return is(r.method);
    // An upgrade that cannot be asked for (HTTP/1.0, not named in Connection) is not asked for.
    if (c.name == "upgrade") return !r.upgrade.empty() && is(r.upgrade);
    return std::any_of(r.fields.begin(), r.fields.end(),
                       [&](const field& f) { return f.name == c.name && is(f.value); });
}

}  // namespace

bool route::matches(const request& r, std::string_view scheme) const {
    if (when.empty()) return true;
    return std::any_of(when.begin(), when.end(), [&](const auto& all) {
        return std::all_of(all.begin(), all.end(),
                           [&](const condition& c) { return holds(c, r, scheme); });
    });
}

routing find_route(const std::vector<route>& routes, const request& r, std::string_view scheme,
                   const weft_guard_session* who) {
    routing out;
    for (const auto& x : routes) {
        if (!x.matches(r, scheme)) continue;
        if (x.guarded.admits(who)) {
            out.to = &x;
            return out;
        }
        out.refused = true;
    }
    return out;
}

}  // namespace weft::http
