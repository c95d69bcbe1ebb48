// Match results per topic name, grouped by subscriber, remembered until the subscriptions change.
#pragma once

#include "index/subscription_index.hpp"

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::mqtt_kafka {

// One subscriber that a topic matches. Overlapping filters of one client make one delivery (MQTT
// 5, 3.3.4): with the highest QoS and all Subscription Identifiers.
struct match_entry {
    subscription_owner* owner;
    uint32_t first, count;  // its subscriptions in match_result::subscriptions
    uint32_t ids;           // how many of them have an identifier
    uint8_t qos;
    uint8_t flags;  // OR of subscription_*
};

struct match_result {
    std::vector<match_entry> entries;  // by owner, ascending
    std::vector<subscription*> subscriptions;
    uint32_t ids_max = 0;

    const match_entry* find(const subscription_owner& owner) const;
    std::span<subscription* const> of(const match_entry& e) const {
        return {subscriptions.data() + e.first, e.count};
    }
};

// Fills `out` with the subscriptions that match `topic` and read the Kafka topic numbered
// `kafka_topic`.
void match_topic(const subscription_index& index, std::string_view topic, uint32_t kafka_topic,
                 match_result& out);

// One per Kafka topic. The reference that lookup returns is valid until the next lookup.
class match_memo {
public:
    const match_result& lookup(const subscription_index& index, std::string_view topic,
                               uint32_t kafka_topic);

private:
    struct text_hash {
        using is_transparent = void;
        size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
    };
    std::unordered_map<std::string, match_result, text_hash, std::equal_to<>> results_;
    uint64_t version_ = 0;
    size_t subscriptions_ = 0;  // in all results
};

}  // namespace weft::mqtt_kafka
