// Text: ASCII letters in either case, the wildcards that conditions of every plugin share, and what
// is text at all.
#pragma once

#include <algorithm>
#include <cstdint>
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
    bool any_one = false;   // '?' stands for one character of UTF-8, however many bytes it has
};

namespace detail {
// Of UTF-8: a byte that begins no character.
constexpr bool continues(char c) {
    return (static_cast<uint8_t>(c) & 0xc0) == 0x80;
}
}  // namespace detail

// Does the whole text match? '*' stands for any characters including none, all else for itself.
// Greedy with one point to come back to, the last wildcard: linear in practice and never worse than
// |pattern| * |text|.
inline bool wildcard_match(std::string_view pattern, std::string_view text,
                           wildcard_rules rules = {}) {
    const auto same = [&](char a, char b) {
        return rules.any_case ? lower_case(a) == lower_case(b) : a == b;
    };
    const auto is_any_one = [&](char c) { return rules.any_one && c == '?'; };
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
        } else if (p < pattern.size() && t < text.size()) {
            if (is_any_one(pattern[p]) && !detail::continues(text[t])) {
                ++p, ++t;
                while (t < text.size() && detail::continues(text[t])) ++t;
                continue;
            }
            if (!is_any_one(pattern[p]) && same(pattern[p], text[t])) {
                ++p, ++t;
                continue;
            }
        }
        if (p == pattern.size() && t == text.size()) return true;
        if (back_p == std::string_view::npos || back_t >= text.size()) return false;
        p = back_p;
        t = ++back_t;
    }
}

// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool valid_utf8(std::string_view text) {
    using detail::continues;
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    for (size_t i = 0; i < text.size();) {
        const uint8_t b = byte(i);
        const size_t left = text.size() - i;
        if (b < 0x80) {
            ++i;
        } else if (b < 0xc2) {
            return false;
        } else if (b < 0xe0) {
            if (left < 2 || !continues(text[i + 1])) return false;
            i += 2;
        } else if (b < 0xf0) {
            if (left < 3 || !continues(text[i + 1]) || !continues(text[i + 2])) return false;
            if (b == 0xe0 && byte(i + 1) < 0xa0) return false;
            if (b == 0xed && byte(i + 1) > 0x9f) return false;
            i += 3;
        } else {
            if (b > 0xf4 || left < 4 || !continues(text[i + 1]) || !continues(text[i + 2]) ||
                !continues(text[i + 3]))
                return false;
            if (b == 0xf0 && byte(i + 1) < 0x90) return false;
            if (b == 0xf4 && byte(i + 1) > 0x8f) return false;
            i += 4;
        }
    }
    return true;
}

// Of valid UTF-8: U+0000 to U+001F, U+007F to U+009F. A NUL would end a name early for some of
// those who read it, so that it is one name here and another there; a line end forges a log.
inline bool has_controls(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<uint8_t>(text[i]);
        if (c < 0x20 || c == 0x7f) return true;
        if (c == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0)
            return true;
    }
    return false;
}

}  // namespace weft
