// beginnings: where subscriptions of one client begin on partitions, for those that begin further
// on than where the client's deliveries from that partition stand: because Kafka had acknowledged
// more than the tail has brought, or because the client is behind and reads history.
#pragma once

#include "index/subscription.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft::mqtt_kafka {

class beginnings {
public:
    bool empty() const { return places_.empty(); }
    void add(const subscription& s, uint32_t topic, int32_t partition, int64_t from) {
        places_.push_back({&s, from, topic, partition});
    }
    // Is this record older than the subscription?
    bool after(const subscription& s, uint32_t topic, int32_t partition, int64_t offset) const {
        return std::any_of(places_.begin(), places_.end(), [&](const place& p) {
            return p.of == &s && p.topic == topic && p.partition == partition && offset < p.from;
        });
    }
    // Where the furthest begins on a partition; `offset` if none begins behind it.
    int64_t furthest(uint32_t topic, int32_t partition, int64_t offset) const {
        for (const place& p : places_)
            if (p.topic == topic && p.partition == partition) offset = std::max(offset, p.from);
        return offset;
    }
    // Nothing below `offset` will come any more.
    void passed(uint32_t topic, int32_t partition, int64_t offset) {
        std::erase_if(places_, [&](const place& p) {
            return p.topic == topic && p.partition == partition && offset >= p.from;
        });
    }
    void forget(const subscription& s) {
        std::erase_if(places_, [&](const place& p) { return p.of == &s; });
    }

private:
    struct place {
        const subscription* of;
        int64_t from;
        uint32_t topic;
        int32_t partition;
    };
    std::vector<place> places_;
};

}  // namespace weft::mqtt_kafka
