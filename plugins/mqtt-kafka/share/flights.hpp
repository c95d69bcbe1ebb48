// What a shared subscription has out at its members, by cookie. The memory of what has come back is
// used again, so a delivery allocates nothing.
#pragma once

#include "share/hub.hpp"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft::mqtt_kafka {

// A record of what a share reads.
struct share_key {
    uint32_t lane;
    int32_t partition;
    int64_t offset;
    auto operator<=>(const share_key&) const = default;
};

class share_flights {
public:
    struct flight {
        share_key of{};
        member_id at;
        uint64_t cookie = 0;  // 0: free
    };

    size_t size() const { return flights_.size() - free_.size(); }
    bool empty() const { return size() == 0; }

    // The next flight's cookie; it is taken by add.
    uint64_t next() const { return (sequence_ + 1) << slot_bits | slot(); }
    void add(const share_key& of, const member_id& at) {
        const flight f{of, at, next()};
        if (!free_.empty()) free_.pop_back();
        put(f);
    }
    // Out since before this instance had the share; before the first add.
    void adopt(const std::vector<flight>& all) {
        for (const flight& f : all) put(f);
        for (uint32_t i = 0; i < flights_.size(); ++i)
            if (!flights_[i].cookie) free_.push_back(i);
    }
    // Void when there is none: it was answered before, or is of a log that is no more.
    flight take(uint64_t cookie) {
        const uint32_t at = slot_of(cookie);
        if (cookie == 0 || at >= flights_.size() || flights_[at].cookie != cookie) return {};
        free_.push_back(at);
        return std::exchange(flights_[at], {});
    }
    template <class F>
    void each(F&& f) const {
        for (const flight& x : flights_)
            if (x.cookie) f(x);
    }

private:
    static constexpr unsigned slot_bits = 24;
    static uint32_t slot_of(uint64_t cookie) {
        return static_cast<uint32_t>(cookie & ((1u << slot_bits) - 1));
    }
    uint64_t slot() const { return free_.empty() ? flights_.size() : free_.back(); }
    void put(const flight& f) {
        const uint32_t at = slot_of(f.cookie);
        if (at >= flights_.size()) flights_.resize(at + 1);
        flights_[at] = f;
        sequence_ = std::max(sequence_, f.cookie >> slot_bits);
    }
    std::vector<flight> flights_;
    std::vector<uint32_t> free_;
    uint64_t sequence_ = 0;
};

}  // namespace weft::mqtt_kafka
