// Pauses between attempts: doubled from min to max, back to min after a success.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weft::kafka {

class backoff {
public:
    backoff(uint64_t min_ms, uint64_t max_ms) : min_ms_(min_ms), max_ms_(max_ms) {}
    uint64_t next_ms() {
        const uint64_t pause = std::min(max_ms_, min_ms_ << std::min(failures_, 20u));
        ++failures_;
        return pause;
    }
    void succeeded() { failures_ = 0; }
    uint32_t failures() const { return failures_; }

private:
    uint64_t min_ms_, max_ms_;
    uint32_t failures_ = 0;
};

}  // namespace weft::kafka
