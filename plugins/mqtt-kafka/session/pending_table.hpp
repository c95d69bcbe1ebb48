// Publishes that Kafka has not answered, found by the token of their record.
#pragma once

#include "kafka/kafka_topics.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {

class session;

// A publish that takes more than one step: the retained copy before the message, or waiting behind
// such a one.
struct staged_publish {
    std::string mqtt_topic;
    kafka_topic* topic = nullptr;
    staged_record message;
    kafka_topic* retained_topic = nullptr;  // null: not retained
    staged_record copy;
};

struct pending_publish {
    session* from = nullptr;       // kept until it is answered, even when its stream is gone
    kafka_topic* topic = nullptr;  // whose answer is awaited
    topic_use use;                 // of the messages topic
    std::unique_ptr<staged_publish> staged;
    uint32_t generation = 0;
    uint32_t reserved = 0;  // credit to give back
    uint32_t cost = 0;      // bytes counted against the worker's limit
    uint16_t packet_id = 0;
    uint8_t qos = 0;
    bool will = false;  // nobody waits for an acknowledgement
    bool used = false;
    bool sent = false;  // to Kafka; otherwise it waits here
};

// Tokens carry a generation, so an answer that comes twice or too late finds nothing.
class pending_table {
public:
    uint64_t add(pending_publish&& p) {
        uint32_t index;
        if (free_.empty()) {
            index = static_cast<uint32_t>(slots_.size());
            slots_.emplace_back();
        } else {
            index = free_.back();
            free_.pop_back();
        }
        p.generation = slots_[index].generation + 1;
        p.used = true;
        slots_[index] = std::move(p);
        ++used_;
        return uint64_t{slots_[index].generation} << 32 | index;
    }
    pending_publish* find(uint64_t token) {
        const auto index = static_cast<uint32_t>(token);
        if (index >= slots_.size()) return nullptr;
        pending_publish& p = slots_[index];
        return p.used && p.generation == token >> 32 ? &p : nullptr;
    }
    void remove(uint64_t token) {
        const auto index = static_cast<uint32_t>(token);
        pending_publish& p = slots_[index];
        const uint32_t generation = p.generation;
        p = {};
        p.generation = generation;
        free_.push_back(index);
        --used_;
    }
    template <class F>
    std::vector<uint64_t> tokens_where(F&& wanted) const {
        std::vector<uint64_t> out;
        for (uint32_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].used && wanted(slots_[i]))
                out.push_back(uint64_t{slots_[i].generation} << 32 | i);
        return out;
    }
    size_t size() const { return used_; }

private:
    std::vector<pending_publish> slots_;
    std::vector<uint32_t> free_;
    size_t used_ = 0;
};

}  // namespace weft::mqtt_kafka
