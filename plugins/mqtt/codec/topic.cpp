#include "topic.hpp"

#include <algorithm>

namespace weft::mqtt {

namespace {

bool levels_are_valid(std::string_view filter) {
    if (filter.empty()) return false;
    for (size_t i = 0; i < filter.size(); ++i) {
        const char c = filter[i];
        if (c != '+' && c != '#') continue;
        const bool begins = i == 0 || filter[i - 1] == '/';
        const bool last = i + 1 == filter.size();
        if (!begins) return false;
        if (c == '#' ? !last : !last && filter[i + 1] != '/') return false;
    }
    return true;
}

}  // namespace

bool has_wildcard(std::string_view filter) {
    return filter.find_first_of("+#") != std::string_view::npos;
}

size_t topic_levels(std::string_view filter) {
    return static_cast<size_t>(std::count(filter.begin(), filter.end(), '/')) + 1;
}

bool is_topic_name(std::string_view topic) {
    return !topic.empty() && !has_wildcard(topic);
}

bool is_topic_filter(std::string_view filter, bool shares) {
    if (!shares || !is_shared(filter)) return levels_are_valid(filter);
    filter.remove_prefix(std::string_view{"$share/"}.size());
    const size_t slash = filter.find('/');
    if (slash == 0 || slash == std::string_view::npos) return false;
    return !has_wildcard(filter.substr(0, slash)) && levels_are_valid(filter.substr(slash + 1));
}

}  // namespace weft::mqtt
