// Events that clients or a flapping cluster can cause, at most one per kind and subject in a while.
#pragma once

#include "limits.hpp"

#include <weft/event_limit.hpp>

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
        auto& limit =
            seen_.try_emplace(std::string(id) + '\n' + subject, event_interval_ms).first->second;
        const auto left_out = limit.admit(worker_.now_ns());
        if (!left_out) return;
        worker_.emit(
            level, id,
            *left_out ? text + " (" + std::to_string(*left_out) + " more since the last)" : text);
    }

private:
    static constexpr size_t subjects_max = 1024;
    worker worker_;
    std::unordered_map<std::string, event_limit> seen_;
};

}  // namespace weft::mqtt_kafka
