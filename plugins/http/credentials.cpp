#include "credentials.hpp"

#include "tokens.hpp"

#include <weft/text.hpp>

#include <algorithm>
#include <stdexcept>

namespace weft::http {
namespace {

using nlohmann::json;

constexpr std::string_view space = " \t";

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && space.find(s.front()) != space.npos) s.remove_prefix(1);
    while (!s.empty() && space.find(s.back()) != space.npos) s.remove_suffix(1);
    return s;
}

// Calls each(part) for what is between the marks until it says true.
template <class F>
bool any_part(std::string_view text, char mark, F&& each) {
    while (!text.empty()) {
        const size_t end = std::min(text.find(mark), text.size());
        if (each(text.substr(0, end))) return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

// "%41" to "A"; nothing when a % is followed by something else.
std::optional<std::string> percent_decoded(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
        const int low = high < 0 ? -1 : digit(text[i + 2]);
        if (low < 0) return std::nullopt;
        out += static_cast<char>(high << 4 | low);
        i += 2;
    }
    return out;
}

using found = std::optional<std::string>;

found take(const credentials_place& p, std::string_view value, bool any_case = false) {
    const auto c = p.pattern.of(value, any_case);
    return c ? found(std::string(*c)) : std::nullopt;
}

found in_headers(const credentials_place& p, const request& r) {
    // The scheme's name has no case (RFC 9110, 11.1).
    for (const auto& f : r.fields)
        if (f.name == p.name)
            if (auto c = take(p, f.value, p.name == "authorization")) return c;
    return std::nullopt;
}

found in_query(const credentials_place& p, const request& r) {
    const size_t mark = r.path.find('?');
    found out;
    if (mark == r.path.npos) return out;
    any_part(std::string_view(r.path).substr(mark + 1), '&', [&](std::string_view part) {
        const size_t equals = part.find('=');
        if (equals == part.npos || part.substr(0, equals) != p.name) return false;
        if (const auto value = percent_decoded(part.substr(equals + 1))) out = take(p, *value);
        return out.has_value();
    });
    return out;
}

found in_cookies(const credentials_place& p, const request& r) {
    found out;
    for (const auto& f : r.fields)
        if (f.name == "cookie" && any_part(f.value, ';', [&](std::string_view part) {
                part = trimmed(part);
                const size_t equals = part.find('=');
                if (equals == part.npos || part.substr(0, equals) != p.name) return false;
                auto value = part.substr(equals + 1);
                if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
                    value = value.substr(1, value.size() - 2);
                out = take(p, value);
                return out.has_value();
            }))
            break;
    return out;
}

}  // namespace

guard_use read_authorization(const binding_config& c, const json& given) {
    guard_use out;
    const std::string name = given.begin().key();
    out.name = c.qualified(name);
    out.challenge = "Bearer";
    const auto& credentials = given.begin().value().at("credentials");
    const auto path = "/options/authorization/" + name + "/credentials";
    for (const auto& [key, where] :
         {std::pair{"headers", place::header}, std::pair{"query", place::query},
          std::pair{"cookies", place::cookie}}) {
        const auto list = credentials.value(key, json::object());
        for (const auto& [field, pattern] : list.items()) {
            const auto at = path + "/" + key + "/" + field;
            const auto plain = where == place::header ? lower_case(field) : field;
            if (where == place::header && !is_token(plain))
                throw config_error(at, "'" + field + "' is no header's name");
            try {
                out.places.push_back(
                    {where, plain, credentials_pattern(pattern.get<std::string>())});
            } catch (const std::invalid_argument& e) {
                throw config_error(at, e.what());
            }
            const auto scheme = trimmed(out.places.back().pattern.before());
            if (plain == "authorization" && is_token(scheme))
                out.challenge = std::string(scheme) + (equal_ignoring_case(scheme, "basic")
                                                           ? " realm=\"" + c.name + "\""
                                                           : std::string());
        }
    }
    if (out.places.empty())
        throw config_error(path, "none of 'headers', 'query' and 'cookies' is there");
    return out;
}

std::optional<std::string> find_credentials(const guard_use& g, const request& r) {
    for (const auto& p : g.places) {
        auto c = p.where == place::header  ? in_headers(p, r)
                 : p.where == place::query ? in_query(p, r)
                                           : in_cookies(p, r);
        if (c) return c;
    }
    return std::nullopt;
}

}  // namespace weft::http
