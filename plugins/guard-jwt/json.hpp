// JSON from strangers: nothing is thrown, and no depth of it is too much for us.
#pragma once

#include "limits.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string_view>

namespace weft::guard_jwt {

inline std::optional<nlohmann::json> parse_json(std::string_view text) {
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > limits::json_depth_max) return std::nullopt;
        } else if ((c == '}' || c == ']') && depth > 0) {
            --depth;
        }
    }
    auto out = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (out.is_discarded()) return std::nullopt;
    return out;
}

}  // namespace weft::guard_jwt
