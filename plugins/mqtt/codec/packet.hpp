// packet: one MQTT packet as values. The decoder fills it, the encoder writes it; which members
// count depends on `type`.
//
// It is large and meant to be reused: one per worker, not one per connection or packet. Texts and
// spans are views, into the bytes given to the decoder or into `storage`; they are valid until the
// next call of the decoder that filled it.
#pragma once

#include "property.hpp"

#include <optional>
#include <vector>

namespace weft::mqtt {

struct will_fields {
    uint8_t qos = 0;
    bool retain = false;
    std::string_view topic;
    bytes payload;
    properties props;
};

struct connect_fields {
    bool clean_start = false;
    bool has_will = false;
    bool is_version_31 = false;  // protocol level 3; all else is as in v3.1.1
    uint16_t keep_alive_s = 0;
    std::string_view client_id;
    std::optional<std::string_view> user_name;
    std::optional<bytes> password;
    will_fields will;  // when has_will
};

struct publish_fields {
    uint8_t qos = 0;
    bool dup = false;
    bool retain = false;
    std::string_view topic;     // empty: the topic alias says it
    bytes payload;              // decoder: what of it has arrived
    uint32_t payload_left = 0;  // decoder: payload bytes that follow in further fragments
    uint32_t payload_size = 0;  // of the whole message
};

// One entry of SUBSCRIBE (MQTT 5, 3.8.3.1).
struct subscription {
    std::string_view filter;
    uint8_t qos = 0;
    bool no_local = false;
    bool retain_as_published = false;
    uint8_t retain_handling = 0;
};

struct packet {
    packet_type type = packet_type::pingreq;
    uint8_t version = version_unknown;
    uint32_t size = 0;  // decoder: of the whole packet on the wire

    uint16_t packet_id = 0;
    reason code = reason::success;  // CONNACK, acks, DISCONNECT, AUTH
    uint8_t connack_311 = 0;        // CONNACK of v3.1.1: the return code
    bool session_present = false;   // CONNACK
    properties props;

    connect_fields connect;
    publish_fields publish;
    std::vector<subscription> subscriptions;  // SUBSCRIBE
    std::vector<std::string_view> filters;    // UNSUBSCRIBE
    bytes reasons;                            // SUBACK, UNSUBACK: one per filter

    violation error;               // when the decoder refused the bytes
    std::vector<uint8_t> storage;  // bytes of a packet that arrived in pieces

    // Ready to be filled as a packet of this type.
    void reset(packet_type t, uint8_t v) {
        type = t;
        version = v;
        packet_id = 0;
        code = reason::success;
        connack_311 = 0;
        session_present = false;
        props.clear();
        reasons = {};
        error = {};
    }
};

}  // namespace weft::mqtt
