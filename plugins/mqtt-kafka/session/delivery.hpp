// One record made ready for delivery: decoded once, whatever number of sessions it goes to.
#pragma once

#include "mapping/record_decoder.hpp"

#include <weft/stream.hpp>

#include <cstdint>
#include <span>

namespace weft::mqtt_kafka {

// Points into the record's frame: valid during the call that brought it.
struct delivery {
    decoded_record record;
    meta_writer<weft_mqtt_publish> block;  // without what differs between sessions
    weft_ref ids;                          // room for subscription ids in the block
    uint8_t flags = 0;                     // WEFT_MQTT_HAS_EXPIRY
    std::span<const weft_slice> payload;
    uint32_t size = 0;
    uint64_t trace = 0;

    // False when the message has expired and was not `sent_before`. `ids_max`: the most
    // subscription ids that one session will add.
    bool prepare(const meta_view<weft_kafka_record>& from, const weft_data& data, uint32_t ids_max,
                 uint64_t now_ms, bool sent_before = false);

    // Tells a message from others on the same topic: equal on the retained topic and the messages
    // topic.
    uint64_t fingerprint() const;
};

}  // namespace weft::mqtt_kafka
