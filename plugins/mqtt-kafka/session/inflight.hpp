// Packet ids of deliveries that the client has not acknowledged, oldest first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft::mqtt_kafka {

class inflight {
public:
    size_t size() const { return ids_.size() - static_cast<size_t>(head_); }
    bool empty() const { return size() == 0; }
    bool contains(uint16_t id) const { return std::find(first(), ids_.cend(), id) != ids_.end(); }

    // A free id, 1..65535 in turn, now in flight. At most 65534 may be in flight.
    uint16_t take() {
        uint16_t id = next();
        // Ids are given in turn, so one in flight can only be met when the count has come round to
        // the oldest.
        if (!empty() && id == *first())
            while (contains(id)) id = next();
        ids_.push_back(id);
        return id;
    }

    // False when the id is not in flight. Acknowledgements come in the order of deliveries (MQTT
    // 5, 4.6), so the search is short.
    bool release(uint16_t id) {
        const auto at = std::find(first(), ids_.cend(), id);
        if (at == ids_.cend()) return false;
        if (at == first())
            ++head_;
        else
            ids_.erase(at);
        if (empty()) {
            ids_.clear();
            if (ids_.capacity() > kept_max)
                ids_.shrink_to_fit();  // an idle session keeps no large window
            head_ = 0;
        } else if (static_cast<size_t>(head_) > ids_.size() / 2) {
            ids_.erase(ids_.begin(), ids_.begin() + head_);
            head_ = 0;
        }
        return true;
    }

private:
    std::vector<uint16_t>::const_iterator first() const { return ids_.begin() + head_; }
    uint16_t next() {
        last_ = static_cast<uint16_t>(last_ == 65535 ? 1 : last_ + 1);
        return last_;
    }

    static constexpr size_t kept_max = 64;
    std::vector<uint16_t> ids_;
    int32_t head_ = 0;
    uint16_t last_ = 0;
};

}  // namespace weft::mqtt_kafka
