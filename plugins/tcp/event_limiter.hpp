// Rate limit for events that peers can cause: one per interval, which then tells how many were left
// out.
#pragma once

#include "limits.hpp"

#include <weft/worker.hpp>

#include <string>

namespace weft::tcp {

class event_limiter {
public:
    // `text` is called only when the event goes out.
    template <class Text>
    void emit(const worker& w, weft_level level, const char* id, Text&& text) {
        const uint64_t now = w.now_ns();
        if (now < quiet_until_ns_) {
            ++left_out_;
            return;
        }
        std::string line = text();
        if (left_out_ > 0) line += " (and " + std::to_string(left_out_) + " more before this one)";
        w.emit(level, id, line);
        left_out_ = 0;
        quiet_until_ns_ = now + limits::event_interval_ms * 1'000'000;
    }

private:
    uint64_t quiet_until_ns_ = 0, left_out_ = 0;
};

}  // namespace weft::tcp
