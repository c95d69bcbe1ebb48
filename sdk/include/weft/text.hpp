// ASCII letters in either case, and the wildcards that route conditions of every binding share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace weft {

constexpr char lower_case(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
inline std::string lower_case(std::string_view s) {
    std::string out(s);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower_case(c); });
    return out;
}
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower_case(x) == lower_case(y); });
}

struct wildcard_rules {
    bool any_case = false;
    bool captures = false;  // '{name}' stands for at least one character
};

// Does the whole text match? '*' stands for any characters including none, all else for itself.
// Greedy with one point to come back to, the last wildcard: linear in practice and never worse than
// |pattern| * |text|.
inline bool wildcard_match(std::string_view pattern, std::string_view text,
                           wildcard_rules rules = {}) {
    const auto same = [&](char a, char b) {
        return rules.any_case ? lower_case(a) == lower_case(b) : a == b;
    };
    size_t p = 0, t = 0, back_p = std::string_view::npos, back_t = 0;
    while (true) {
        if (p < pattern.size() && pattern[p] == '*') {
            back_p = ++p;
            back_t = t;
            continue;
        }
        const size_t close = rules.captures && p < pattern.size() && pattern[p] == '{'
                                 ? pattern.find('}', p)
                                 : std::string_view::npos;
        if (close != std::string_view::npos) {
            if (t < text.size()) {
                back_p = p = close + 1;
                back_t = ++t;  // at least one character
                continue;
            }
        } else if (p < pattern.size() && t < text.size() && same(pattern[p], text[t])) {
            ++p, ++t;
            continue;
        }
        if (p == pattern.size() && t == text.size()) return true;
        if (back_p == std::string_view::npos || back_t >= text.size()) return false;
        p = back_p;
        t = ++back_t;
    }
}

}  // namespace weft
