#include "mapping/identity.hpp"

#include "mapping/levels.hpp"

#include <algorithm>
#include <stdexcept>

namespace weft::mqtt_kafka {

namespace {
constexpr std::string_view identity_level = "{identity}";
}

identity_pattern::identity_pattern(std::string_view text) {
    for_each_level(text, [&](std::string_view l) { levels_.emplace_back(l); });
    if (std::find(levels_.begin(), levels_.end(), identity_level) == levels_.end())
        throw std::invalid_argument("'" + std::string(text) + "' has no level {identity}");
}

std::optional<std::string_view> identity_pattern::match(std::string_view topic) const {
    std::optional<std::string_view> identity;
    level_cursor cursor(topic);
    std::string_view found;
    for (const std::string& wanted : levels_) {
        if (wanted == "#") return identity;
        if (!cursor.next(found)) return std::nullopt;
        if (wanted == identity_level) {
            if (found.empty() || found.find_first_of(" \t\n\v\f\r") != std::string_view::npos)
                return std::nullopt;
            identity = found;
        } else if (wanted == "+") {
            if (found.empty()) return std::nullopt;
        } else if (wanted != found) {
            return std::nullopt;
        }
    }
    if (cursor.next(found)) return std::nullopt;
    return identity;
}

}  // namespace weft::mqtt_kafka
