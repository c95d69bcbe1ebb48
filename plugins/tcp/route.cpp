#include "route.hpp"

#include <algorithm>

namespace weft::tcp {

namespace {

route_condition parse_condition(const nlohmann::json& item, const std::string& path) {
    route_condition c;
    if (item.contains("port")) c.ports = port_set::parse(item["port"], path + "/port");
    if (item.contains("cidr")) {
        const auto text = item["cidr"].get<std::string>();
        c.network = cidr::parse(text);
        if (!c.network)
            throw config_error(
                path + "/cidr",
                "'" + text +
                    "' is not a network: use an address and prefix such as 10.0.0.0/8 or fd00::/8");
    }
    if (item.contains("authority")) c.authority = item["authority"].get<std::string>();
    if (item.contains("protocol")) {
        const auto text = item["protocol"].get<std::string>();
        c.speaks = protocol_named(text);
        if (!c.speaks)
            throw config_error(path + "/protocol", "'" + text + "' is none of tls, http and mqtt");
    }
    return c;
}

}  // namespace

bool route_condition::matches(const route_subject& s) const {
    return may_match(s) && (!speaks || speaks == s.speaks);
}

bool route_condition::may_match(const route_subject& s) const {
    return (ports.empty() || ports.contains(s.port)) &&
           (!network || network->contains(s.address)) &&
           (authority.empty() || wildcard_match(authority, s.authority));
}

route_table::route_table(const std::vector<route_config>& routes, const binding_config& of) {
    for (size_t i = 0; i < routes.size(); ++i) {
        const auto path = "/routes/" + std::to_string(i);
        route r;
        r.exit = routes[i].exit;
        r.guarded = guarded_rule(of, routes[i].guarded);
        guarded_ |= !r.guarded.empty();
        if (routes[i].when.is_array()) {
            for (size_t k = 0; k < routes[i].when.size(); ++k) {
                r.any_of.push_back(
                    parse_condition(routes[i].when[k], path + "/when/" + std::to_string(k)));
                needs_authority_ |= !r.any_of.back().authority.empty();
                needs_protocol_ |= r.any_of.back().speaks.has_value();
            }
        }
        routes_.push_back(std::move(r));
    }
}

bool route_table::needs_protocol(const route_subject& s) const {
    if (!needs_protocol_ || s.speaks) return false;
    for (const auto& r : routes_) {
        if (!r.guarded.admits(s.who)) continue;
        const auto hit = [&](const route_condition& c) { return c.matches(s); };
        const auto may = [&](const route_condition& c) { return c.may_match(s); };
        if (r.any_of.empty() || std::any_of(r.any_of.begin(), r.any_of.end(), hit)) return false;
        if (std::any_of(r.any_of.begin(), r.any_of.end(), may)) return true;
    }
    return false;
}

std::optional<uint64_t> route_table::match(const route_subject& s) const {
    for (const auto& r : routes_) {
        if (!r.guarded.admits(s.who)) continue;
        const auto hit = [&](const route_condition& c) { return c.matches(s); };
        if (r.any_of.empty() || std::any_of(r.any_of.begin(), r.any_of.end(), hit)) return r.exit;
    }
    return {};
}

}  // namespace weft::tcp
