// The clock of everything that has a deadline: monotonic, in nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace weft {

inline uint64_t monotonic_ns() {
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                 std::chrono::nanoseconds(1));
}

}  // namespace weft
