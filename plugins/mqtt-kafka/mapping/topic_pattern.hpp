// Topic conditions of routes: levels of text, '+', '{name}' (a parameter) and a final '#'.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

// What '{name}' levels of a pattern stood for in one topic. `open`: a wildcard of a filter stands
// there, so the value is not known. Views into the pattern and the topic.
struct route_param {
    std::string_view name, value;
    bool open = false;
};
using route_params = std::vector<route_param>;

class topic_pattern {
public:
    explicit topic_pattern(std::string_view text);

    // True if the topic name, or some topic that the filter matches, fits the pattern. Differs from
    // MQTT matching in two ways, both as in existing configurations: 'a/#' needs a level behind
    // 'a', and a leading '/' is part of the pattern, so
    // '+' and '#' in front never stand for an empty first level (except the filter '#', which
    // overlaps everything).
    bool overlaps(std::string_view topic_or_filter) const;

    // For a filter that overlaps: every topic that it matches fits the pattern, but for 'a' of the
    // filter 'a/#'.
    bool covers(std::string_view filter) const;

    // The parameters, for a topic or filter that overlaps.
    void capture(std::string_view topic_or_filter, route_params& params) const;

    const std::string& text() const { return text_; }

private:
    enum class kind : uint8_t { literal, any, param, rest };
    struct level {
        kind what;
        std::string text;  // literal: the level; param: its name
    };

    std::string text_;
    std::vector<level> levels_;
};

}  // namespace weft::mqtt_kafka
