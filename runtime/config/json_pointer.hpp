// Tokens of JSON pointers.
#pragma once

#include <string>
#include <string_view>

namespace weft::config {

// A token of a JSON pointer, written and read as RFC 6901, 3 and 4 have it.
inline std::string escaped(std::string_view token) {
    std::string out;
    for (const char c : token) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return out;
}

inline std::string unescaped(std::string_view token) {
    std::string out;
    for (size_t i = 0; i < token.size(); ++i) {
        const bool pair = token[i] == '~' && i + 1 < token.size();
        out += pair ? (token[++i] == '1' ? '/' : '~') : token[i];
    }
    return out;
}

}  // namespace weft::config
