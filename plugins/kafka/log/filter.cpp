#include "filter.hpp"

#include "format.hpp"

#include <algorithm>

namespace weft::kafka {

namespace {

// Takes the first level off `rest`; false when that was the last one.
bool take_level(std::string_view& rest, std::string_view& level) {
    const size_t slash = rest.find('/');
    level = rest.substr(0, slash);
    if (slash == std::string_view::npos) return false;
    rest.remove_prefix(slash + 1);
    return true;
}

}  // namespace

bool matches_levels(std::string_view pattern, std::string_view key) {
    if (key.starts_with('$') && (pattern.starts_with('+') || pattern.starts_with('#')))
        return false;
    for (;;) {
        std::string_view want, have;
        const bool more_wanted = take_level(pattern, want);
        if (want == "#" && !more_wanted) return true;
        const bool more_there = take_level(key, have);
        if (want != "+" && want != have) return false;
        if (!more_there) return !more_wanted || pattern == "#";  // "a/#" matches "a"
        if (!more_wanted) return false;
    }
}

void key_filters::add_key(std::string_view key) {
    keys_.push_back({std::string(key), hash_key(key)});
}

void key_filters::add_levels(std::string_view pattern) {
    // Without wildcards it is a key, which is looked up instead of compared with every key.
    if (pattern.find_first_of("+#") == std::string_view::npos) return add_key(pattern);
    patterns_.emplace_back(pattern);
}

bool key_filters::matches(std::string_view key) const {
    if (all()) return true;
    return std::any_of(keys_.begin(), keys_.end(),
                       [&](const exact_key& k) { return k.key == key; }) ||
           std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const std::string& p) { return matches_levels(p, key); });
}

}  // namespace weft::kafka
