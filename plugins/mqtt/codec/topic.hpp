// Syntax of topic names and topic filters (MQTT 5, 4.7 and 4.8.2). The text is already a checked
// MQTT string.
#pragma once

#include "types.hpp"

namespace weft::mqtt {

// A name to publish to: not empty [MQTT-4.7.3-1] and without wildcards [MQTT-3.3.2-2].
bool is_topic_name(std::string_view topic);

// A filter to subscribe to: '#' alone in the last level [MQTT-4.7.1-1], '+' alone in its level
// [MQTT-4.7.1-2]. What begins with "$share/" must have a share name and a filter behind it
// [MQTT-4.8.2-1, -2], unless `shares` is false: v3.1.1 knows no such form.
bool is_topic_filter(std::string_view filter, bool shares = true);

inline bool is_shared(std::string_view filter) {
    return filter.starts_with("$share/");
}
bool has_wildcard(std::string_view filter);
// Of a name or filter: "a/b" has two.
size_t topic_levels(std::string_view filter);

}  // namespace weft::mqtt
