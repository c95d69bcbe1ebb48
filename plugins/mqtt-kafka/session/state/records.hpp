// Values of the sessions topic. Each begins with its version where it has one: a value of another
// version is kept and not overwritten, since a newer program may have written it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::mqtt_kafka {

enum class decoded : uint8_t { ok, malformed, unknown_version };

// Key `C`: what the client is subscribed to.
struct session_state {
    enum : uint8_t { send_retained = 1, retain_as_published = 2, no_local = 4 };
    struct filter {
        uint32_t id = 0;
        uint8_t qos = 0, flags = 0, reason = 0;
        std::string pattern;
    };
    std::vector<filter> filters;
};
std::string encode(const session_state& v);
decoded decode(std::string_view bytes, session_state& out);

// Key `C#owner`: a claim. Its offset is the epoch.
struct owner_claim {
    std::string instance;
    int64_t nonce = 0, time_ms = 0;
};
std::string encode(const owner_claim& v);
decoded decode(std::string_view bytes, owner_claim& out);

// Key `C#offsets`: QoS 2 publishes that were received and not released, and up to where in each
// partition they were looked for.
struct session_offsets {
    static constexpr int64_t closed = -1;  // nothing of this session is behind the listed ids
    struct partition {
        std::string topic;
        int32_t id = 0;
        int64_t position = closed;   // the layout's consumedOffset
        int64_t next_number = 0;     // the layout's producerId: the next publish number
        int16_t producer_epoch = 0;  // of other programs; ours have none
        std::vector<uint16_t> packet_ids;
    };
    std::vector<partition> partitions;
};
std::string encode(const session_offsets& v);
decoded decode(std::string_view bytes, session_offsets& out);

// Key `C#inflight`: deliveries that the client has not acknowledged, oldest first, and the place in
// each partition behind what was delivered.
struct session_inflight {
    enum : uint8_t { sent = 0, received = 1 };
    struct delivery {
        uint16_t packet_id = 0;
        std::string topic;
        int32_t partition = 0;
        int64_t offset = 0;
        uint8_t qos = 1, state = sent;
    };
    struct position {
        std::string topic;
        int32_t partition = 0;
        // Offset of the next record. Negative: of a partition that had no leader when it was asked;
        // minus the time in ms from which on its records are the session's.
        int64_t next = 0;
    };
    std::vector<delivery> deliveries;
    std::vector<position> positions;
    int64_t written_ms = 0;  // the record's timestamp, not in the value
};
std::string encode(const session_inflight& v);
decoded decode(std::string_view bytes, session_inflight& out);

// Keys `C#will` and `C#expiry`. at_ms -1: when the instance is gone, `delay_ms` after that.
struct session_signal {
    enum kind_t : uint8_t { will = 0, expiry = 1 };
    kind_t kind = will;
    std::string instance, client_id;
    int32_t delay_ms = 0;
    int64_t at_ms = -1;
    std::string lifetime_id, will_id;  // of a will
};
std::string encode(const session_signal& v);
decoded decode(std::string_view bytes, session_signal& out);

// Key `C#will-<lifetime id>`; the payload follows in the same value.
struct will_message {
    enum : uint8_t { retain = 1 };
    std::string topic;
    int32_t delay_ms = 0;
    uint8_t qos = 0, flags = 0;
    int32_t expiry_s = -1;  // -1: none
    std::optional<std::string> content_type;
    uint8_t format = 2;  // as WEFT_MQTT_FORMAT_*: 0 binary, 1 text, 2 none
    std::optional<std::string> response_topic;
    std::string lifetime_id, will_id;
    std::optional<std::string> correlation;
    std::vector<std::pair<std::string, std::string>> properties;
    std::string payload;  // up to 65535 bytes, as a will has (MQTT 5, 3.1.3.4)
};
std::string encode(const will_message& v);
decoded decode(std::string_view bytes, will_message& out);

}  // namespace weft::mqtt_kafka
