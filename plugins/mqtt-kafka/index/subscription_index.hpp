// All subscriptions of one worker, as a trie on topic levels. Finding the matches of a topic costs
// its levels and its matches, never the number of other subscriptions; inserting and erasing cost
// the levels of the filter.
//
// Rules (MQTT 5, 4.7): '+' is one level, '#' the rest including none, empty levels count, wildcards
// in the first level do not match topics that begin with '$'.
#pragma once

#include "index/edge_table.hpp"
#include "index/subscription.hpp"
#include "limits.hpp"

#include <array>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace weft::mqtt_kafka {

class subscription_index {
public:
    subscription_index();

    // The owner's subscription to exactly this filter, or nullptr.
    subscription* find(const subscription_owner& owner, std::string_view filter) const;

    // `filter` is valid, has at most levels_max levels, and s.owner has no subscription to it yet.
    void insert(subscription& s, std::string_view filter);
    void erase(subscription& s);

    std::string filter_of(const subscription& s) const;

    // Calls each(subscription&) for every subscription that matches, owners in no order. `topic` is
    // a valid topic name.
    template <class F>
    void match(std::string_view topic, F&& each) const;

    // Grows whenever the result of a match may have changed.
    uint64_t version() const { return version_; }
    // To be called after changing a subscription in place.
    void touch() { ++version_; }

    size_t size() const { return places_.size(); }
    size_t nodes() const { return nodes_.size() - free_.size(); }

private:
    static constexpr uint32_t root = 0;
    static constexpr uint32_t no_node = 0;  // as a child

    struct node {
        std::string level;
        uint32_t parent = 0;
        uint32_t hash = 0;      // edge_hash of parent and level
        uint32_t plus = 0;      // the child for '+'
        uint32_t children = 0;  // with it
        subscription* exact = nullptr;
        subscription* rest = nullptr;  // filters with a '#' below here
    };
    struct place_hash {
        size_t operator()(const subscription* s) const {
            return std::hash<const void*>{}(s->owner) * 31 + (size_t{s->node} << 1 | s->rest);
        }
    };
    struct same_place {
        bool operator()(const subscription* a, const subscription* b) const {
            return a->owner == b->owner && a->node == b->node && a->rest == b->rest;
        }
    };

    uint32_t child(uint32_t parent, std::string_view level) const;
    uint32_t make_child(uint32_t parent, std::string_view level);
    void prune(uint32_t at);

    template <class F>
    static void each_in(subscription* list, F& each) {
        for (; list; list = list->after) each(*list);
    }
    template <class F>
    void match_below(uint32_t at, const std::string_view* levels, size_t left, bool wildcards,
                     F& each) const;

    std::vector<node> nodes_;
    std::vector<uint32_t> free_;
    edge_table edges_;
    std::unordered_set<subscription*, place_hash, same_place> places_;
    uint64_t version_ = 1;
};

template <class F>
void subscription_index::match_below(uint32_t at, const std::string_view* levels, size_t left,
                                     bool wildcards, F& each) const {
    const node& n = nodes_[at];
    if (wildcards) each_in(n.rest, each);
    if (left == 0) return each_in(n.exact, each);
    if (n.children == 0) return;
    if (const uint32_t c = child(at, *levels); c != no_node)
        match_below(c, levels + 1, left - 1, true, each);
    if (wildcards && n.plus != no_node) match_below(n.plus, levels + 1, left - 1, true, each);
}

template <class F>
void subscription_index::match(std::string_view topic, F&& each) const {
    // The trie is no deeper than levels_max, so of a longer topic only that many levels decide, and
    // that there are more.
    std::array<std::string_view, levels_max + 1> levels;
    size_t n = 0;
    size_t from = 0;
    while (n < levels.size()) {
        const size_t slash = topic.find('/', from);
        levels[n++] = topic.substr(from, slash == std::string_view::npos ? slash : slash - from);
        if (slash == std::string_view::npos) break;
        from = slash + 1;
    }
    match_below(root, levels.data(), n, !topic.starts_with('$'), each);
}

}  // namespace weft::mqtt_kafka
