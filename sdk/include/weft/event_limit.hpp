// event_limit: an event that peers can cause as often as they like goes out once in an interval,
// and then tells how many were left out. event_limits: one for each kind of event and each reason.
// On one worker.
#pragma once

#include <weft/worker.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
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

class event_limits {
public:
    // Reasons may be without number, as those of a guard: beyond `kinds_max` they are not told
    // apart.
    explicit event_limits(size_t kinds_max, uint64_t interval_ms = event_limit::interval_ms_default)
        : kinds_max_(kinds_max), interval_ms_(interval_ms) {}

    void emit(const worker& w, weft_level level, const char* id, const std::string& text,
              const std::string& reason = {}) {
        const bool known = by_kind_.size() < kinds_max_;
        by_kind_.try_emplace(known ? id + (' ' + reason) : id, interval_ms_)
            .first->second.emit(w, level, id, [&] { return text; });
    }

private:
    const size_t kinds_max_;
    const uint64_t interval_ms_;
    std::map<std::string, event_limit> by_kind_;
};

}  // namespace weft
