// Recognises the second copy of a QoS 2 publish: the write of an owner that died, arriving behind
// what the next owner wrote when the client sent the publish again. Both have one publish number.
#pragma once

#include "limits.hpp"
#include "mapping/record_decoder.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>

namespace weft::mqtt_kafka {

class copies_seen {
    struct place {
        int64_t number = -1, offset = -1;
    };
    using places = std::unordered_map<std::string, place>;

public:
    // What one reader of history has met on its way along a topic.
    class way {
        friend copies_seen;
        places newest_;
    };

    // Of a tail.
    bool second_live(uint32_t topic, const decoded_record& r, const weft_kafka_record& at) {
        name(topic, r, at);
        return judge(live_, topic, r, at);
    }
    // Of history, whose records may be older than what the tail has seen, and newer.
    bool second_past(way& on, uint32_t topic, const decoded_record& r,
                     const weft_kafka_record& at) {
        const auto known = copies_.find({topic, at.partition, at.offset});
        if (known != copies_.end() && known->second == r.qos2->number) return true;
        name(topic, r, at);
        if (judge(on.newest_, topic, r, at)) return true;
        // Its copy may come by the tail.
        if (live_.size() < copies_remembered_max) judge(live_, topic, r, at);
        return false;
    }

private:
    // Whose numbers they are, and where.
    void name(uint32_t topic, const decoded_record& r, const weft_kafka_record& at) {
        key_.assign(r.publisher.value_or(std::string_view{}));
        key_ += '/';
        key_ += std::to_string(topic);
        key_ += '/';
        key_ += std::to_string(at.partition);
    }
    // Numbers of a publisher grow along a partition, so one that does not is a copy.
    bool judge(places& newest, uint32_t topic, const decoded_record& r,
               const weft_kafka_record& at) {
        if (newest.size() >= copies_remembered_max && !newest.contains(key_)) newest.clear();
        place& p = newest[key_];
        if (at.offset <= p.offset) return false;  // it was here before
        if (r.qos2->number > p.number) {
            p = {r.qos2->number, at.offset};
            return false;
        }
        if (copies_.size() >= copies_remembered_max) copies_.clear();
        copies_[{topic, at.partition, at.offset}] = r.qos2->number;
        return true;
    }

    std::string key_;
    places live_;
    // Copies met, with their numbers: what sees only one of the two could not tell.
    std::map<std::tuple<uint32_t, int32_t, int64_t>, int64_t> copies_;
};

}  // namespace weft::mqtt_kafka
