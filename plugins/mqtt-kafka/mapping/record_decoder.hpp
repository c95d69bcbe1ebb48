// From a record to what subscribers get. Records of other programs need no zilla:* header at all:
// their key is the topic name.
#pragma once

#include <weft/meta.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::mqtt_kafka {

// Views into the record's metadata. Reused from record to record, so that its list keeps its
// memory.
struct decoded_record {
    std::string_view topic;
    uint8_t qos = 1;
    bool retain = false;  // was published with RETAIN (messages topics only)
    uint8_t format = WEFT_MQTT_FORMAT_NONE;
    std::optional<uint32_t> expiry_s;  // as published
    std::optional<std::string_view> publisher, content_type, response_topic, correlation;
    std::vector<std::pair<std::string_view, std::string_view>> properties;
    int64_t timestamp_ms = 0;
    // Which of its publisher's QoS 2 publishes it is (qos2_in).
    struct publish_number {
        int64_t epoch;
        uint16_t packet_id;
        int64_t number;
    };
    std::optional<publish_number> qos2;
};

// The topic name a record's key stands for, empty when it is none (no key, wildcards, invalid
// UTF-8).
std::string_view topic_of_key(const meta_view<weft_kafka_record>& record);

void decode_record(const meta_view<weft_kafka_record>& record, decoded_record& out);

// Seconds that remain of a message expiry (MQTT 5, 3.3.2.3.3), nothing when it has passed.
std::optional<uint32_t> remaining_expiry(uint32_t expiry_s, int64_t timestamp_ms, int64_t now_ms);

// The block of a delivery without what differs between subscribers: QoS, packet id, flags,
// subscription ids. `ids`: room for that many subscription ids; the list is returned and may be
// filled, shortened or left out per subscriber.
weft_ref write_delivery(meta_writer<weft_mqtt_publish>& out, const decoded_record& record,
                        std::optional<uint32_t> remaining_s, size_t ids);

}  // namespace weft::mqtt_kafka
