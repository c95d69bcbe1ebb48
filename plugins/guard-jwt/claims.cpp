#include "claims.hpp"

#include <algorithm>
#include <cmath>

namespace weft::guard_jwt {
namespace {

using nlohmann::json;

// A claim by its name, or by a dotted way through objects. Names with dots in them (URLs) are found
// as they are.
const json* find(const json& claims, std::string_view path) {
    if (!claims.is_object()) return nullptr;
    if (const auto it = claims.find(std::string(path)); it != claims.end()) return &*it;
    const size_t dot = path.find('.');
    if (dot == path.npos) return nullptr;
    const auto it = claims.find(std::string(path.substr(0, dot)));
    return it == claims.end() ? nullptr : find(*it, path.substr(dot + 1));
}

// A NumericDate in milliseconds; nothing when it is none. Fractions are allowed (RFC 7519, 2).
std::optional<uint64_t> time_of(const json& v) {
    static constexpr double max_ms = 1e17;
    if (!v.is_number()) return std::nullopt;
    const double ms = v.get<double>() * 1'000;
    if (std::isnan(ms)) return std::nullopt;
    return static_cast<uint64_t>(std::clamp(ms, 0.0, max_ms));
}

bool names_audience(const json& claims, const std::string& wanted) {
    const auto it = claims.find("aud");
    if (it == claims.end()) return false;
    if (it->is_string()) return *it == wanted;
    return it->is_array() && std::any_of(it->begin(), it->end(), [&](const json& a) {
               return a.is_string() && a == wanted;
           });
}

std::vector<std::string> roles_of(const json& v) {
    std::vector<std::string> out;
    if (v.is_array()) {
        for (const auto& r : v)
            if (r.is_string()) out.push_back(r.get<std::string>());
    } else if (v.is_string()) {
        static constexpr const char* space = " \t\r\n";
        const auto& text = v.get_ref<const std::string&>();
        for (size_t at = text.find_first_not_of(space); at != text.npos;) {
            const size_t end = std::min(text.find_first_of(space, at), text.size());
            out.push_back(text.substr(at, end - at));
            at = text.find_first_not_of(space, end);
        }
    }
    return out;
}

// The ABI's texts end at a NUL: what has one in it would be taken for another.
bool has_nul(const identified& who) {
    const auto nul = [](const std::string& s) { return s.find('\0') != s.npos; };
    return nul(who.identity) || std::any_of(who.roles.begin(), who.roles.end(), nul) ||
           std::any_of(who.attributes.begin(), who.attributes.end(),
                       [&](const auto& a) { return nul(a.second); });
}

const char* judge_times(const policy& p, const json& claims, uint64_t now_ms, identified& out) {
    static constexpr const char* late = "Token is expired.";
    if (const auto it = claims.find("exp"); it != claims.end()) {
        const auto end = time_of(*it);
        if (!end) return "The token is malformed.";
        out.expires_ms = *end + p.leeway_ms;
        if (now_ms >= out.expires_ms) return late;
        if (p.challenge_ms != 0)
            out.challenge_ms =
                out.expires_ms > p.challenge_ms ? out.expires_ms - p.challenge_ms : 0;
    }
    if (const auto it = claims.find("nbf"); it != claims.end()) {
        const auto begin = time_of(*it);
        if (!begin) return "The token is malformed.";
        if (now_ms + p.leeway_ms < *begin) return late;
    }
    return nullptr;
}

}  // namespace

const char* judge(const policy& p, const json& claims, uint64_t now_ms, identified& out) {
    if (const char* why = judge_times(p, claims, now_ms, out)) return why;
    const auto issuer = claims.find("iss");
    if (p.issuer && (issuer == claims.end() || *issuer != *p.issuer))
        return "Invalid issuer or audience.";
    if (p.audience && !names_audience(claims, *p.audience)) return "Invalid issuer or audience.";

    if (const auto* v = find(claims, p.identity); v && v->is_string())
        out.identity = v->get<std::string>();
    if (const auto* v = find(claims, p.roles)) out.roles = roles_of(*v);
    for (const auto& [name, path] : p.attributes)
        if (const auto* v = find(claims, path))
            out.attributes.emplace_back(name, v->is_string() ? v->get<std::string>() : v->dump());
    return has_nul(out) ? "A claim has a NUL in it." : nullptr;
}

}  // namespace weft::guard_jwt
