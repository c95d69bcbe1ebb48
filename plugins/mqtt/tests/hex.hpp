// Byte vectors as text: hex("10 { 0004 'MQTT' 05 02 003c { 21 0010 } 0000 }"): hex digits, quoted
// ASCII, and { } for a block with its length in front as a Variable Byte Integer.
#pragma once

#include "reader.hpp"

#include <stdexcept>
#include <string>

namespace weft::mqtt {

inline int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw std::invalid_argument("not a hex digit");
}

inline std::string with_length(const std::string& block) {
    std::string out;
    size_t n = block.size();
    for (; n >= 128; n >>= 7) out += static_cast<char>(n | 0x80);
    out += static_cast<char>(n);
    return out + block;
}

// Reads up to the '}' that ends this block, or to the end.
inline std::string hex_block(std::string_view text, size_t& i) {
    std::string out;
    while (i < text.size() && text[i] != '}') {
        if (text[i] == ' ') {
            ++i;
        } else if (text[i] == '{') {
            out += with_length(hex_block(text, ++i));
            ++i;
        } else if (text[i] == '\'') {
            const size_t end = text.find('\'', i + 1);
            out += text.substr(i + 1, end - i - 1);
            i = end + 1;
        } else {
            out += static_cast<char>(hex_digit(text[i]) * 16 + hex_digit(text[i + 1]));
            i += 2;
        }
    }
    return out;
}

inline std::string hex(std::string_view text) {
    size_t i = 0;
    return hex_block(text, i);
}

inline std::string to_hex(std::string_view raw) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (char c : raw) {
        if (!out.empty()) out += ' ';
        out += digits[static_cast<uint8_t>(c) >> 4];
        out += digits[static_cast<uint8_t>(c) & 15];
    }
    return out;
}

}  // namespace weft::mqtt
