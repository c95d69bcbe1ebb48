// Events that clients or a flapping cluster can cause, at most one per kind and subject in a while.
#pragma once

#include "limits.hpp"

#include <weft/worker.hpp>

#include <string>
#include <unordered_map>

namespace weft::mqtt_kafka {

class event_gate {
public:
    explicit event_gate(worker w) : worker_(w) {}

    // `subject` tells events of one id apart, such as a Kafka topic.
    void emit(weft_level level, const char* id, const std::string& subject,
              const std::string& text) {
        if (seen_.size() >= subjects_max) seen_.clear();
        entry& e = seen_[std::string(id) + '\n' + subject];
        const uint64_t now = worker_.now_ns();
        if (e.last_ns != 0 && now - e.last_ns < uint64_t{event_interval_ms} * 1'000'000) {
            ++e.left_out;
            return;
        }
        e.last_ns = now;
        const uint64_t left_out = std::exchange(e.left_out, 0);
        worker_.emit(
            level, id,
            left_out ? text + " (" + std::to_string(left_out) + " more since the last)" : text);
    }

private:
    static constexpr size_t subjects_max = 1024;
    struct entry {
        uint64_t last_ns = 0, left_out = 0;
    };
    worker worker_;
    std::unordered_map<std::string, entry> seen_;
};

}  // namespace weft::mqtt_kafka
