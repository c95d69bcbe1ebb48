#include "mapping/topic_pattern.hpp"

#include "mapping/levels.hpp"

namespace weft::mqtt_kafka {

topic_pattern::topic_pattern(std::string_view text) : text_(text) {
    for_each_level(text, [&](std::string_view l) {
        if (l == "#")
            levels_.push_back({kind::rest, {}});
        else if (l == "+")
            levels_.push_back({kind::any, {}});
        else if (l.size() > 2 && l.front() == '{' && l.back() == '}')
            levels_.push_back({kind::param, std::string(l.substr(1, l.size() - 2))});
        else
            levels_.push_back({kind::literal, std::string(l)});
    });
}

bool topic_pattern::overlaps(std::string_view topic_or_filter) const {
    if (topic_or_filter == "#") return true;
    if (topic_or_filter.starts_with('/') != text_.starts_with('/')) return false;
    level_cursor cursor(topic_or_filter);
    std::string_view wanted;
    for (const level& l : levels_) {
        if (!cursor.next(wanted)) return false;  // also for 'a' against 'a/#'
        if (l.what == kind::rest || wanted == "#") return true;
        if (wanted == "+") continue;
        if (l.what == kind::literal && wanted != l.text) return false;
        if (l.what == kind::param && wanted.empty()) return false;
    }
    return !cursor.next(wanted) || wanted == "#";  // the filter 'a/#' matches the topic 'a'
}

bool topic_pattern::covers(std::string_view filter) const {
    level_cursor cursor(filter);
    std::string_view wanted;
    for (const level& l : levels_) {
        if (!cursor.next(wanted)) return false;
        if (l.what == kind::rest) return true;
        if (wanted == "#" || (l.what == kind::literal && wanted != l.text)) return false;
    }
    return !cursor.next(wanted);
}

void topic_pattern::capture(std::string_view topic_or_filter, route_params& params) const {
    level_cursor cursor(topic_or_filter);
    std::string_view found;
    bool rest = false;
    for (const level& l : levels_) {
        if (!rest && !cursor.next(found)) return;
        rest = rest || found == "#";
        if (l.what == kind::param) params.push_back({l.text, found, rest || found == "+"});
    }
}

}  // namespace weft::mqtt_kafka
