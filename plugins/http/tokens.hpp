// Small pieces of HTTP's grammar (RFC 9110, 5.6): tokens, lists of them.
#pragma once

#include <weft/text.hpp>

#include <algorithm>
#include <string_view>

namespace weft::http {

// Each member of a comma-separated list, without the spaces around it.
template <class F>
void for_each_token(std::string_view list, F&& f) {
    constexpr std::string_view space = " \t";
    while (!list.empty()) {
        const size_t comma = std::min(list.find(','), list.size());
        auto token = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        const size_t first = token.find_first_not_of(space);
        if (first == std::string_view::npos) continue;
        f(token.substr(first, token.find_last_not_of(space) - first + 1));
    }
}

inline bool is_token(std::string_view s) {
    static constexpr std::string_view more = "!#$%&'*+-.^_`|~";
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               more.find(c) != std::string_view::npos;
    });
}
// No line break and no other control character: cannot begin another line.
inline bool is_field_value(std::string_view s) {
    return std::none_of(s.begin(), s.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

}  // namespace weft::http
