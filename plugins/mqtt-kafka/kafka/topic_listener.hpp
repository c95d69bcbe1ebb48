// What the instance wants to hear from its Kafka topics.
#pragma once

#include <weft/stream.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace weft::mqtt_kafka {

class kafka_topic;
class session;

// A partition and the offset of the next record.
struct partition_next {
    int32_t partition;
    int64_t next;
};

// What became of a record: error 0, or Kafka's code with a text.
struct produce_answer {
    int32_t error = 0;
    std::string_view text;
    int32_t partition = -1;
    int64_t offset = -1;
};

class topic_listener {
public:
    virtual void on_sent(uint64_t token) = 0;  // the record has left the waiting queue
    virtual void on_produced(uint64_t token, const produce_answer& answer) = 0;
    virtual void on_produce_lost(
        kafka_topic& topic) = 0;  // what was sent and not answered never will be
    virtual void on_live_record(kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                                const weft_data& data) = 0;
    // The tail went on behind these places: what lies between must be read from history.
    virtual void on_tail_gap(kafka_topic& topic, const std::vector<partition_next>& before) = 0;
    // The tail of a partition went back, to the place `to`. `anew`: because the topic was made
    // again.
    virtual void on_tail_back(kafka_topic& topic, const partition_next& to, bool anew) = 0;
    virtual void on_topic_changed(
        kafka_topic& topic) = 0;               // state of a stream, or a tail went live
    virtual void on_access(session& who) = 0;  // what access_link::of did not know

protected:
    ~topic_listener() = default;
};

}  // namespace weft::mqtt_kafka
