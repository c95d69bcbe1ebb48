#include "route.hpp"

#include <weft/text.hpp>

#include <algorithm>
#include <charconv>

namespace weft::tls {
namespace {

using nlohmann::json;

uint16_t port_of(std::string_view text, const std::string& at) {
    uint32_t v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc() || end != text.data() + text.size() || v == 0 || v > 65535)
        throw config_error(at, "'" + std::string(text) + "' is no port (1 to 65535)");
    return static_cast<uint16_t>(v);
}

void add_port(condition& to, const json& v, const std::string& at) {
    if (v.is_array()) {
        for (size_t i = 0; i < v.size(); ++i) add_port(to, v[i], at + "/" + std::to_string(i));
        return;
    }
    const std::string text = v.is_string() ? v.get<std::string>() : v.dump();
    const auto dash = text.find('-');
    const auto first = port_of(std::string_view(text).substr(0, dash), at);
    const auto last =
        dash == std::string::npos ? first : port_of(std::string_view(text).substr(dash + 1), at);
    if (last < first) throw config_error(at, "'" + text + "' ends before it begins");
    to.ports.emplace_back(first, last);
}

condition read_condition(const json& j, const std::string& at) {
    condition out;
    if (const auto it = j.find("authority"); it != j.end()) out.authority = *it;
    if (const auto it = j.find("alpn"); it != j.end()) out.alpn = *it;
    if (const auto it = j.find("port"); it != j.end()) add_port(out, *it, at + "/port");
    if (const auto it = j.find("protocol"); it != j.end())
        out.speaks = protocol_named(it->get<std::string>());
    if (const auto it = j.find("mutual"); it != j.end()) out.certificate = *it == "required";
    if (const auto it = j.find("trust"); it != j.end()) {
        out.trust = it->get<std::vector<std::string>>();
        if (out.certificate == false)
            throw config_error(at + "/trust", "'mutual' is none: there is no certificate to trust");
    }
    return out;
}

}  // namespace

bool condition::matches_port(uint16_t port) const {
    return ports.empty() || std::any_of(ports.begin(), ports.end(), [&](const auto& p) {
               return port >= p.first && port <= p.second;
           });
}

// Names of hosts are the same in either case; protocols are bytes.
bool condition::matches(const facts& f) const {
    if (!matches_port(f.port)) return false;
    if (authority && !(f.authority && wildcard_match(*authority, *f.authority, {true})))
        return false;
    if (alpn && !(f.alpn && wildcard_match(*alpn, *f.alpn))) return false;
    if (certificate && *certificate != f.certificate) return false;
    if (speaks && speaks != f.speaks) return false;
    return trust.empty() || (f.certificate && f.trusted_by &&
                             std::any_of(trust.begin(), trust.end(), [&](const std::string& alias) {
                                 return f.trusted_by(f.ctx, alias);
                             }));
}

bool route::matches_port(uint16_t port) const {
    return when.empty() || std::any_of(when.begin(), when.end(),
                                       [&](const condition& c) { return c.matches_port(port); });
}

bool route::matches(const facts& f) const {
    return when.empty() ||
           std::any_of(when.begin(), when.end(), [&](const condition& c) { return c.matches(f); });
}

std::vector<route> read_routes(const binding_config& c) {
    std::vector<route> out;
    for (size_t i = 0; i < c.routes.size(); ++i) {
        const auto& from = c.routes[i];
        const std::string at = "/routes/" + std::to_string(i);
        route r;
        r.exit = from.exit;
        r.guarded = guarded_rule(c, from.guarded);
        if (from.when.is_array())
            for (size_t k = 0; k < from.when.size(); ++k)
                r.when.push_back(read_condition(from.when[k], at + "/when/" + std::to_string(k)));
        if (from.with.is_object() && from.with.contains("certificate")) {
            const auto& subject = from.with.at("certificate").at("subject");
            r.subject_cn = subject.value("cn", "");
            r.subject_dn = subject.value("dn", "");
        }
        out.push_back(std::move(r));
    }
    return out;
}

bool needs_protocol(const std::vector<route>& routes, const facts& f, const worker& w,
                    uint64_t auth) {
    if (f.speaks) return false;
    const auto may_match = [&](const condition& c) {
        facts if_it_does = f;
        if_it_does.speaks = c.speaks;
        return c.speaks && c.matches(if_it_does);
    };
    for (const route& r : routes) {
        if (!r.guarded.admits(w, auth)) continue;
        if (r.matches(f)) return false;
        if (std::any_of(r.when.begin(), r.when.end(), may_match)) return true;
    }
    return false;
}

const route* find_route(const std::vector<route>& routes, const facts& f, const worker& w,
                        uint64_t auth) {
    const auto it = std::find_if(routes.begin(), routes.end(), [&](const route& r) {
        return r.matches(f) && r.guarded.admits(w, auth);
    });
    return it == routes.end() ? nullptr : &*it;
}

}  // namespace weft::tls
