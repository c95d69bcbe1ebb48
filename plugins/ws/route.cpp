#include "route.hpp"

#include <weft/text.hpp>

#include <algorithm>

namespace weft::ws {
namespace {

std::optional<std::string> text_of_field(const nlohmann::json& j, const char* name) {
    const auto it = j.find(name);
    return it == j.end() ? std::nullopt : std::optional(it->get<std::string>());
}

}  // namespace

// Names of hosts and schemes are the same in either case. A pattern without a query does not ask
// for one.
bool condition::matches(const facts& f) const {
    if (scheme && !wildcard_match(*scheme, f.scheme, {true})) return false;
    if (authority && !wildcard_match(*authority, f.authority, {true})) return false;
    if (!path || wildcard_match(*path, f.path)) return true;
    return path->find('?') == std::string::npos &&
           wildcard_match(*path, f.path.substr(0, f.path.find('?')));
}

std::vector<route> read_routes(const binding_config& c) {
    std::vector<route> out;
    for (const auto& from : c.routes) {
        route r;
        r.exit = from.exit;
        r.guarded = guarded_rule(c, from.guarded);
        if (from.when.is_array())
            for (const auto& item : from.when)
                r.when.push_back({text_of_field(item, "protocol"), text_of_field(item, "scheme"),
                                  text_of_field(item, "authority"), text_of_field(item, "path")});
        out.push_back(std::move(r));
    }
    return out;
}

choice choose_route(const std::vector<route>& routes, const facts& f,
                    const std::vector<std::string>& offered, const worker& w, uint64_t auth) {
    static const condition anything;
    for (const auto& r : routes) {
        if (!r.guarded.admits(w, auth)) continue;
        const auto items = r.when.empty() ? std::span(&anything, 1) : std::span(r.when);
        for (const auto& item : items) {
            if (!item.matches(f)) continue;
            const auto taken =
                std::find_if(offered.begin(), offered.end(), [&](const std::string& p) {
                    return !item.protocol || wildcard_match(*item.protocol, p);
                });
            if (taken != offered.end()) return {&r, *taken};
            if (!item.protocol) return {&r, {}};
        }
    }
    return {};
}

}  // namespace weft::ws
