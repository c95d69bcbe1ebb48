// Levels of topic names and filters (MQTT 5, 4.7): empty levels count, "a/" has two.
#pragma once

#include <cstddef>
#include <string_view>

namespace weft::mqtt_kafka {

// Walks the levels of a text from left to right. The text must outlive it.
class level_cursor {
public:
    explicit level_cursor(std::string_view text) : rest_(text) {}

    // The next level, or false when all were seen. The empty text has one empty level.
    bool next(std::string_view& level) {
        if (done_) return false;
        const size_t slash = rest_.find('/');
        level = rest_.substr(0, slash);
        if (slash == std::string_view::npos)
            done_ = true;
        else
            rest_.remove_prefix(slash + 1);
        return true;
    }

private:
    std::string_view rest_;
    bool done_ = false;
};

template <class F>
void for_each_level(std::string_view text, F&& each) {
    level_cursor cursor(text);
    for (std::string_view level; cursor.next(level);) each(level);
}

inline size_t count_levels(std::string_view text) {
    size_t n = 1;
    for (const char c : text) n += c == '/';
    return n;
}

// The part of a topic that gets zilla:filter headers: trailing empty levels are dropped, and a text
// of nothing else has no level at all (no headers, as opposed to one empty level).
inline std::string_view filter_header_part(std::string_view topic) {
    while (!topic.empty() && topic.back() == '/') topic.remove_suffix(1);
    return topic;
}

// MQTT 5, 4.7.1.1 and 4.7.3: no wildcards, no NUL, not empty. UTF-8 is the codec's business for
// what clients send.
inline bool valid_topic_name(std::string_view name) {
    return !name.empty() && name.size() <= 65535 &&
           name.find_first_of(std::string_view("+#\0", 3)) == std::string_view::npos;
}

// MQTT 5, 4.7.1: '#' alone in the last level, '+' alone in any.
inline bool valid_topic_filter(std::string_view filter) {
    if (filter.empty() || filter.size() > 65535 || filter.find('\0') != std::string_view::npos)
        return false;
    bool valid = true, ended = false;
    for_each_level(filter, [&](std::string_view level) {
        if (ended) valid = false;
        ended = level == "#";
        if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) valid = false;
    });
    return valid;
}

// One filter against one topic name: MQTT 5, 4.7. "a/#" matches "a"; a leading wildcard does not
// match "$...".
inline bool filter_matches(std::string_view filter, std::string_view topic) {
    if (!topic.empty() && topic.front() == '$' && !filter.empty() &&
        (filter.front() == '+' || filter.front() == '#'))
        return false;
    level_cursor f(filter), t(topic);
    std::string_view wanted, level;
    while (f.next(wanted)) {
        if (wanted == "#") return true;  // the rest, including none
        if (!t.next(level)) return false;
        if (wanted != "+" && wanted != level) return false;
    }
    return !t.next(level);
}

// "$share/group/filter" (MQTT 5, 4.8.2).
inline bool is_shared_filter(std::string_view filter) {
    return filter == "$share" || filter.starts_with("$share/");
}

}  // namespace weft::mqtt_kafka
