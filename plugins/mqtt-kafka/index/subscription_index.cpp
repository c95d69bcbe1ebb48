#include "index/subscription_index.hpp"

#include "mapping/levels.hpp"

namespace weft::mqtt_kafka {

subscription_index::subscription_index() {
    nodes_.emplace_back();
}

uint32_t subscription_index::child(uint32_t parent, std::string_view level) const {
    return edges_.find(edge_hash(parent, level_hash(level)), [&](uint32_t c) {
        return nodes_[c].parent == parent && nodes_[c].level == level;
    });
}

uint32_t subscription_index::make_child(uint32_t parent, std::string_view level) {
    const bool plus = level == "+";
    if (const uint32_t found = plus ? nodes_[parent].plus : child(parent, level); found != no_node)
        return found;
    uint32_t made;
    if (free_.empty()) {
        made = static_cast<uint32_t>(nodes_.size());
        nodes_.emplace_back();
    } else {
        made = free_.back();
        free_.pop_back();
    }
    node& n = nodes_[made];
    n.level = level;
    n.parent = parent;
    n.hash = edge_hash(parent, level_hash(level));
    if (plus)
        nodes_[parent].plus = made;
    else
        edges_.insert(n.hash, made, [&](uint32_t c) { return nodes_[c].hash; });
    ++nodes_[parent].children;
    return made;
}

// Frees nodes that lead to nothing, from `at` upwards.
void subscription_index::prune(uint32_t at) {
    while (at != root) {
        node& n = nodes_[at];
        if (n.exact || n.rest || n.children) return;
        const uint32_t parent = n.parent;
        if (nodes_[parent].plus == at)
            nodes_[parent].plus = no_node;
        else
            edges_.erase(n.hash, at, [&](uint32_t c) { return nodes_[c].hash; });
        --nodes_[parent].children;
        n = {};
        free_.push_back(at);
        at = parent;
    }
}

subscription* subscription_index::find(const subscription_owner& owner,
                                       std::string_view filter) const {
    subscription probe;
    probe.owner = const_cast<subscription_owner*>(&owner);  // for comparison only
    level_cursor cursor(filter);
    for (std::string_view level; cursor.next(level);) {
        if (level == "#") {
            probe.rest = true;
            break;
        }
        const uint32_t next = level == "+" ? nodes_[probe.node].plus : child(probe.node, level);
        if (next == no_node) return nullptr;
        probe.node = next;
    }
    const auto found = places_.find(&probe);
    return found == places_.end() ? nullptr : *found;
}

void subscription_index::insert(subscription& s, std::string_view filter) {
    uint32_t at = root;
    s.rest = false;
    for_each_level(filter, [&](std::string_view level) {
        if (level == "#")
            s.rest = true;
        else
            at = make_child(at, level);
    });
    s.node = at;
    subscription*& head = s.rest ? nodes_[at].rest : nodes_[at].exact;
    s.before = nullptr;
    s.after = head;
    if (head) head->before = &s;
    head = &s;
    places_.insert(&s);
    ++version_;
}

void subscription_index::erase(subscription& s) {
    places_.erase(&s);
    node& n = nodes_[s.node];
    if (s.before)
        s.before->after = s.after;
    else
        (s.rest ? n.rest : n.exact) = s.after;
    if (s.after) s.after->before = s.before;
    s.before = s.after = nullptr;
    prune(s.node);
    ++version_;
}

std::string subscription_index::filter_of(const subscription& s) const {
    std::vector<uint32_t> path;
    for (uint32_t at = s.node; at != root; at = nodes_[at].parent) path.push_back(at);
    std::string text;
    for (auto at = path.rbegin(); at != path.rend(); ++at) {
        if (at != path.rbegin()) text += '/';
        text += nodes_[*at].level;
    }
    if (s.rest) text += path.empty() ? "#" : "/#";
    return text;
}

}  // namespace weft::mqtt_kafka
