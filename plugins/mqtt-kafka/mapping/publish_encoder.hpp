// From a PUBLISH to the record that is produced: key, headers in their order, flags.
#pragma once

#include <weft/meta.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::mqtt_kafka {

// What the PUBLISH itself does not say.
struct publish_context {
    std::string_view client_id;       // empty: a will, which No Local does not concern
    std::string_view messages_topic;  // where the message is routed, also for its retained copy
    std::optional<std::string_view>
        identity;  // options.clients: decides the partition in place of the key
    int64_t timestamp_ms = -1;
    uint64_t payload_size = 0;
    struct publish_number {
        int64_t epoch;
        uint16_t packet_id;
        int64_t number;
    };
    std::optional<publish_number> qos2 = std::nullopt;  // of a QoS 2 publish of a client
};
enum class record_kind : uint8_t { message, retained_copy };

// Overwrites `out`; its token is the caller's to set. `publish` must be valid.
void encode_publish(meta_writer<weft_kafka_produce>& out,
                    const meta_view<weft_mqtt_publish>& publish, const publish_context& context,
                    record_kind kind);

}  // namespace weft::mqtt_kafka
