// event_limit: an event that peers can cause as often as they like goes out once in an interval,
// and then tells how many were left out. On one worker.
#pragma once

#include <weft/worker.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace weft {

class event_limit {
public:
    static constexpr uint64_t interval_ms_default = 1'000;
    explicit event_limit(uint64_t interval_ms = interval_ms_default)
        : interval_ns_(interval_ms * 1'000'000) {}

    // How many were left out before this one, if it may go out.
    std::optional<uint64_t> admit(uint64_t now_ns) {
        if (now_ns < quiet_until_ns_) {
            ++left_out_;
            return std::nullopt;
        }
        quiet_until_ns_ = now_ns + interval_ns_;
        return std::exchange(left_out_, 0);
    }
    // `text` is called only when the event goes out.
    template <class Text>
    void emit(const worker& w, weft_level level, const char* id, Text&& text) {
        const auto left_out = admit(w.now_ns());
        if (!left_out) return;
        std::string line = text();
        if (*left_out > 0) line += " (and " + std::to_string(*left_out) + " more before this one)";
        w.emit(level, id, line);
    }

private:
    uint64_t interval_ns_, quiet_until_ns_ = 0, left_out_ = 0;
};

}  // namespace weft
