// Deliveries that the client has not acknowledged, oldest first, with the record each came from.
#pragma once

#include "kafka/kafka_topics.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft::mqtt_kafka {

enum class flight_stage : uint8_t {
    unsent,    // of an earlier connection: goes out again
    recorded,  // QoS 2: its record is acknowledged, or none is needed; goes out next
    unrecorded,
    recording,
    sent,
    received_unrecorded,  // PUBREC came; PUBREL follows when that is recorded
    received_recording,
    received  // PUBREL was sent, or is to be sent again
};

struct flight {
    topic_use topic;
    int64_t offset = 0;
    int32_t partition = 0;
    uint16_t id = 0;
    uint8_t qos = 1;
    flight_stage stage = flight_stage::sent;
    uint32_t share = 0;   // of a shared subscription: its member's number
    uint64_t cookie = 0;  // and the delivery's
};

class inflight {
public:
    size_t size() const { return flights_.size() - static_cast<size_t>(head_); }
    bool empty() const { return size() == 0; }
    bool contains(uint16_t id) const {
        return std::any_of(first(), flights_.cend(), [&](const flight& f) { return f.id == id; });
    }
    flight* find(uint16_t id) {
        const auto at = std::find_if(flights_.begin() + head_, flights_.end(),
                                     [&](const flight& f) { return f.id == id; });
        return at == flights_.end() ? nullptr : &*at;
    }

    // Takes a free id, 1..65535 in turn, for a delivery. At most 65534 may be in flight.
    flight& take(flight f) {
        f.id = next();
        // Ids are given in turn, so one in flight can only be met when the count has come round to
        // the oldest.
        if (!empty() && f.id == first()->id)
            while (contains(f.id)) f.id = next();
        return flights_.emplace_back(std::move(f));
    }
    // A delivery of an earlier connection, under its id.
    void restore(flight f) {
        last_ = f.id;
        flights_.push_back(std::move(f));
    }

    // False when the id is not in flight. Acknowledgements come in the order of deliveries (MQTT
    // 5, 4.6), so the search is short.
    bool release(uint16_t id) {
        const auto at = std::find_if(flights_.begin() + head_, flights_.end(),
                                     [&](const flight& f) { return f.id == id; });
        if (at == flights_.end()) return false;
        if (at == flights_.begin() + head_) {
            at->topic = {};
            ++head_;
        } else {
            flights_.erase(at);
        }
        if (empty()) {
            flights_.clear();
            if (flights_.capacity() > kept_max)
                flights_.shrink_to_fit();  // an idle session keeps no large window
            head_ = 0;
        } else if (static_cast<size_t>(head_) > flights_.size() / 2) {
            flights_.erase(flights_.begin(), flights_.begin() + head_);
            head_ = 0;
        }
        return true;
    }

    template <class F>
    void each(F&& f) {
        std::for_each(flights_.begin() + head_, flights_.end(), f);
    }
    template <class F>
    bool any(F&& f) const {
        return std::any_of(first(), flights_.cend(), f);
    }

private:
    std::vector<flight>::const_iterator first() const { return flights_.begin() + head_; }
    uint16_t next() {
        last_ = static_cast<uint16_t>(last_ == 65535 ? 1 : last_ + 1);
        return last_;
    }

    static constexpr size_t kept_max = 16;
    std::vector<flight> flights_;
    int32_t head_ = 0;
    uint16_t last_ = 0;
};

}  // namespace weft::mqtt_kafka
