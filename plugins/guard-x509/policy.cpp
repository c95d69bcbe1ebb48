#include "policy.hpp"

#include <algorithm>

namespace weft::guard_x509 {
namespace {

bool meets(const certificate& c, const condition& wanted) {
    const auto& values = c.of(wanted.of);
    return std::any_of(values.begin(), values.end(),
                       [&](const auto& v) { return matches(wanted.pattern, v); });
}

bool has(const certificate& c, const role& r) {
    return std::any_of(r.any_of.begin(), r.any_of.end(), [&](const auto& all) {
        return std::all_of(all.begin(), all.end(), [&](const auto& one) { return meets(c, one); });
    });
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
    return wildcard_match(pattern, text, {.any_case = true, .any_one = true});
}

std::string judge(const policy& p, const certificate& c, uint64_t now_ms, identified& out) {
    if (now_ms < c.begins_ms) return "Certificate is not valid yet.";
    if (now_ms >= c.ends_ms) return "Certificate is expired.";
    const auto& names = c.of(p.identity);
    const std::string field(fields[p.identity].name);
    if (names.empty()) return "The certificate has no " + field + ".";
    // Which of them is meant would be for the reader to say, and readers differ.
    if (names.size() > 1) return "The certificate has more than one " + field + ".";
    out.identity = names.front();
    out.expires_ms = c.ends_ms;
    for (const auto& [name, of] : p.attributes)
        if (!c.of(of).empty()) out.attributes.emplace_back(name, c.of(of).front());
    for (const auto& r : p.roles)
        if (has(c, r)) out.roles.push_back(r.name);
    return {};
}

}  // namespace weft::guard_x509
