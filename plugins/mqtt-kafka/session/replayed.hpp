// Retained messages that were just replayed to one client: their live copy, written a moment later,
// is not delivered again.
#pragma once

#include "limits.hpp"

#include <weft/worker.hpp>

#include <cstdint>
#include <memory>
#include <unordered_set>

namespace weft::mqtt_kafka {

class replayed_set {
public:
    explicit replayed_set(worker w) : worker_(w) {}
    ~replayed_set() { clear(); }
    replayed_set(const replayed_set&) = delete;
    replayed_set& operator=(const replayed_set&) = delete;

    // Only recent messages can still be followed by their live copy.
    void add(uint64_t fingerprint, int64_t timestamp_ms, uint64_t now_ms) {
        if (static_cast<uint64_t>(timestamp_ms) + replayed_ms < now_ms) return;
        if (!seen_) seen_ = std::make_unique<std::unordered_set<uint64_t>>();
        if (seen_->size() >= replayed_max) return;
        seen_->insert(fingerprint);
        if (timer_) worker_.cancel(timer_);
        timer_ = worker_.timer_in_ms(replayed_ms, call<&replayed_set::clear>, this);
    }
    bool contains(uint64_t fingerprint) const { return seen_ && seen_->contains(fingerprint); }
    bool empty() const { return !seen_; }
    void clear() {
        if (timer_) worker_.cancel(timer_);
        timer_ = 0;
        seen_.reset();
    }

private:
    worker worker_;
    std::unique_ptr<std::unordered_set<uint64_t>> seen_;
    uint64_t timer_ = 0;
};

}  // namespace weft::mqtt_kafka
