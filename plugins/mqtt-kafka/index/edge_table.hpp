// The edges of the index: from (parent node, level) to the child node, in one open-addressing table
// of node numbers. Nodes know their own level, so an edge costs 4 bytes (and the free places).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

inline uint32_t level_hash(std::string_view level) {
    const size_t h = std::hash<std::string_view>{}(level);
    return static_cast<uint32_t>(h ^ h >> 32);
}
inline uint32_t edge_hash(uint32_t parent, uint32_t level) {
    return (parent * 0x9e3779b1u) ^ level;
}

class edge_table {
public:
    static constexpr uint32_t none = 0;  // the root is nobody's child

    // The node at `hash` for which is(node) holds, or none.
    template <class Is>
    uint32_t find(uint32_t hash, Is&& is) const {
        if (places_.empty()) return none;
        for (size_t i = hash & mask();; i = (i + 1) & mask()) {
            const uint32_t node = places_[i];
            if (node == none || is(node)) return node;
        }
    }

    // hash_of(node) must give what `hash` was for each node in the table.
    template <class HashOf>
    void insert(uint32_t hash, uint32_t node, HashOf&& hash_of) {
        if (places_.empty() || (used_ + 1) * 4 > places_.size() * 3) grow(hash_of);
        put(hash, node);
        ++used_;
    }

    // Closes the gap by moving later nodes of the run back, so that searches never meet tombstones.
    template <class HashOf>
    void erase(uint32_t hash, uint32_t node, HashOf&& hash_of) {
        size_t gap = hash & mask();
        while (places_[gap] != node) gap = (gap + 1) & mask();
        for (size_t i = (gap + 1) & mask(); places_[i] != none; i = (i + 1) & mask()) {
            const size_t home = hash_of(places_[i]) & mask();
            if (((i - home) & mask()) < ((i - gap) & mask()))
                continue;  // its home lies behind the gap
            places_[gap] = places_[i];
            gap = i;
        }
        places_[gap] = none;
        --used_;
    }

    size_t size() const { return used_; }

private:
    size_t mask() const { return places_.size() - 1; }
    void put(uint32_t hash, uint32_t node) {
        size_t i = hash & mask();
        while (places_[i] != none) i = (i + 1) & mask();
        places_[i] = node;
    }
    template <class HashOf>
    void grow(HashOf&& hash_of) {
        std::vector<uint32_t> old(places_.empty() ? 16 : places_.size() * 2, none);
        old.swap(places_);
        for (const uint32_t node : old)
            if (node != none) put(hash_of(node), node);
    }

    std::vector<uint32_t> places_;
    size_t used_ = 0;
};

}  // namespace weft::mqtt_kafka
