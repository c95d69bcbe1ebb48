// Base64 (RFC 4648) as people and protocols hand it over: the ordinary alphabet or that of URLs,
// with padding or without. Strict in everything else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

enum class base64_alphabet : uint8_t { ordinary, url, either };

// Nothing when the text is none: a foreign character, a length that cannot be, bits left over that
// are not 0, or padding that is neither absent nor complete.
inline std::optional<std::string> from_base64(std::string_view text,
                                              base64_alphabet alphabet = base64_alphabet::either) {
    const auto value_of = [&](char c) -> uint32_t {
        if (c >= 'A' && c <= 'Z') return static_cast<uint32_t>(c - 'A');
        if (c >= 'a' && c <= 'z') return static_cast<uint32_t>(c - 'a' + 26);
        if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0' + 52);
        if (alphabet != base64_alphabet::url && (c == '+' || c == '/')) return c == '+' ? 62 : 63;
        if (alphabet != base64_alphabet::ordinary && (c == '-' || c == '_'))
            return c == '-' ? 62 : 63;
        return 64;
    };
    const size_t whole = text.size();
    while (!text.empty() && text.back() == '=' && whole - text.size() < 2) text.remove_suffix(1);
    const size_t rest = text.size() % 4;
    if (rest == 1 || (whole != text.size() && whole % 4 != 0)) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    uint32_t bits = 0, count = 0;
    for (const char c : text) {
        const uint32_t v = value_of(c);
        if (v == 64) return std::nullopt;
        bits = bits << 6 | v;
        if ((count += 6) < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xff);
    }
    if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
    return out;
}

inline std::string to_base64(std::string_view data) {
    static constexpr char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((data.size() + 2) / 3 * 4);
    for (size_t i = 0; i < data.size(); i += 3) {
        const auto byte = [&](size_t k) -> uint32_t {
            return i + k < data.size() ? static_cast<uint8_t>(data[i + k]) : 0;
        };
        const uint32_t v = byte(0) << 16 | byte(1) << 8 | byte(2);
        out += digits[v >> 18];
        out += digits[v >> 12 & 63];
        out += i + 1 < data.size() ? digits[v >> 6 & 63] : '=';
        out += i + 2 < data.size() ? digits[v & 63] : '=';
    }
    return out;
}

}  // namespace weft
