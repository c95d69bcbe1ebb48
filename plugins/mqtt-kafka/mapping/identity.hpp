// options.clients: topics that belong to one client identity share a partition.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

// One pattern such as "place/{identity}/#": '{identity}' is one level without white space, '+' one
// non-empty level, a final '#' any tail. The whole topic must fit.
class identity_pattern {
public:
    explicit identity_pattern(
        std::string_view text);  // throws std::invalid_argument when it has no {identity}

    // The identity in the topic (a view into it), if the topic fits.
    std::optional<std::string_view> match(std::string_view topic) const;

private:
    std::vector<std::string> levels_;
};

class identity_patterns {
public:
    void add(std::string_view text) { patterns_.emplace_back(text); }

    // By the first pattern that fits, in the order of the configuration.
    std::optional<std::string_view> match(std::string_view topic) const {
        for (const auto& p : patterns_)
            if (auto found = p.match(topic)) return found;
        return std::nullopt;
    }

private:
    std::vector<identity_pattern> patterns_;
};

}  // namespace weft::mqtt_kafka
