// One subscription of one client, linked into the index of its worker.
#pragma once

#include <weft/stream.hpp>

#include <cstdint>
#include <vector>

namespace weft::mqtt_kafka {

class kafka_topic;
struct delivery;
struct match_entry;
struct match_result;

// Whoever subscribes: a session's subscriber, or a shared subscription for its members.
class subscription_owner {
public:
    // A live record that subscriptions of this owner match.
    virtual void on_live(kafka_topic&, const meta_view<weft_kafka_record>&, const weft_data&,
                         delivery&, const match_result&, const match_entry&) {}

protected:
    ~subscription_owner() = default;
};

// A set of Kafka topics by their number on the worker. Equal sets are one object
// (kafka_topics::intern).
class topic_set {
public:
    void add(uint32_t topic) {
        if (words_.size() <= topic / 64) words_.resize(topic / 64 + 1);
        words_[topic / 64] |= uint64_t{1} << topic % 64;
    }
    bool contains(uint32_t topic) const {
        return topic / 64 < words_.size() && words_[topic / 64] >> topic % 64 & 1;
    }
    bool operator<(const topic_set& o) const { return words_ < o.words_; }

private:
    std::vector<uint64_t> words_;
};

enum : uint8_t {
    subscription_no_local = 1,
    subscription_retain_as_published = 2,
    subscription_send_retained = 4  // as asked for; only for the session's record
};

// Made and freed by its owner; between insert and erase the index links it. Its filter is not
// stored: it is the path to its node.
struct subscription {
    subscription_owner* owner = nullptr;
    const topic_set* topics = nullptr;  // the Kafka topics it reads
    uint32_t id = 0;                    // Subscription Identifier, 0 = none
    uint8_t qos = 0;                    // granted
    uint8_t flags = 0;

    // the index's
    bool rest = false;  // the filter ends in '#'
    uint32_t node = 0;
    subscription *before = nullptr, *after = nullptr;  // others with the same filter
    // the owner's
    subscription *owner_before = nullptr, *owner_after = nullptr;
};

}  // namespace weft::mqtt_kafka
