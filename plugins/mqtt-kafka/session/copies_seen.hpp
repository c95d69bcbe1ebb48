// Recognises the second copy of a QoS 2 publish: the write of an owner that died, arriving behind
// what the next owner wrote when the client sent the publish again. Both have one publish number.
#pragma once

#include "limits.hpp"
#include "mapping/record_decoder.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace weft::mqtt_kafka {

class copies_seen {
public:
    // Of a tail: numbers of a publisher grow along a partition, so one that does not is a copy.
    bool second_live(uint32_t topic, const decoded_record& r, const weft_kafka_record& at) {
        place* p = find(topic, r, at.partition, true);
        if (r.qos2->number <= p->number && at.offset > p->offset) return true;
        *p = {r.qos2->number, at.offset};
        return false;
    }
    // Of history: older records are no copies.
    bool second_past(uint32_t topic, const decoded_record& r, const weft_kafka_record& at) {
        const place* p = find(topic, r, at.partition, false);
        return p && r.qos2->number == p->number && at.offset > p->offset;
    }

private:
    struct place {
        int64_t number = -1, offset = -1;
    };
    place* find(uint32_t topic, const decoded_record& r, int32_t partition, bool make) {
        key_.assign(r.publisher.value_or(std::string_view{}));
        key_ += '/';
        key_ += std::to_string(topic);
        key_ += '/';
        key_ += std::to_string(partition);
        const auto found = seen_.find(key_);
        if (found != seen_.end()) return &found->second;
        if (!make) return nullptr;
        if (seen_.size() >= copies_remembered_max) seen_.clear();
        return &seen_[key_];
    }

    std::string key_;
    std::unordered_map<std::string, place> seen_;
};

}  // namespace weft::mqtt_kafka
