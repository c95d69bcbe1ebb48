// Decides whether an event is worth telling again: the first at once, then with growing pauses.
// Shared by the instances of a binding, which see the same trouble at the same time. Any thread.
#pragma once

#include "limits.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace weft::kafka::client {

class event_limiter {
public:
    // `key` names the event and what it is about; the number of keys is bounded by brokers and
    // topics.
    bool allow(const std::string& key, uint64_t now_ns) {
        const std::lock_guard lock(mutex_);
        auto& e = entries_[key];
        if (e.pause_ms != 0 && now_ns < e.next_ns) return false;
        e.pause_ms = e.pause_ms == 0 ? limits::event_pause_min_ms
                                     : std::min(e.pause_ms * 2, limits::event_pause_max_ms);
        e.next_ns = now_ns + e.pause_ms * 1'000'000;
        return true;
    }
    // The trouble is over. True when it had been told, so that its end is worth telling; only one
    // caller hears it.
    bool over(const std::string& key) {
        const std::lock_guard lock(mutex_);
        return entries_.erase(key) != 0;
    }

private:
    struct entry {
        uint64_t pause_ms = 0, next_ns = 0;
    };
    std::mutex mutex_;
    std::map<std::string, entry> entries_;
};

}  // namespace weft::kafka::client
