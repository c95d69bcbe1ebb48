// rate_limit: so many per second, of which one second's worth may come at once.
#pragma once

#include "limits.hpp"
#include "timer_wheel.hpp"

#include <algorithm>

namespace weft::mqtt {

class rate_limit {
public:
    // False when this one is too many. `per_second` 0: no limit.
    bool admit(uint32_t per_second, timer_wheel::tick now) {
        if (per_second == 0) return true;
        // One costs as many parts as there are ticks in a second, so that a tick gives back a whole
        // number of them.
        const uint64_t back = uint64_t{now - last_} * per_second;
        last_ = now;
        spent_ -= static_cast<uint32_t>(std::min<uint64_t>(back, spent_));
        if (spent_ + ticks_per_second > uint64_t{per_second} * ticks_per_second) return false;
        spent_ += ticks_per_second;
        return true;
    }

private:
    static constexpr uint32_t ticks_per_second = 1'000 / limits::tick_ms;
    uint32_t spent_ = 0;
    timer_wheel::tick last_ = 0;
};

}  // namespace weft::mqtt
