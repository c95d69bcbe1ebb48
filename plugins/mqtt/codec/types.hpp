// The words of MQTT that every part of the codec shares: packet types, versions, reason codes,
// faults.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weft::mqtt {

using bytes = std::span<const uint8_t>;

enum class packet_type : uint8_t {
    connect = 1,
    connack,
    publish,
    puback,
    pubrec,
    pubrel,
    pubcomp,
    subscribe,
    suback,
    unsubscribe,
    unsuback,
    pingreq,
    pingresp,
    disconnect,
    auth
};

// Who wrote the packet: the rules differ in both directions.
enum class role : uint8_t { client, server };

// The protocol level of CONNECT.
inline constexpr uint8_t version_unknown = 0;
// v3.1, level 3, is told as v3.1.1 once CONNECT is read.
inline constexpr uint8_t version_31 = 3;
inline constexpr uint8_t version_311 = 4;
inline constexpr uint8_t version_5 = 5;

// MQTT 5, 2.4 and the tables of each packet. v3.1.1 codes are mapped by the server, see
// to_connack_311.
enum class reason : uint8_t {
    success = 0x00,  // also: normal disconnection, granted QoS 0
    granted_qos_1 = 0x01,
    granted_qos_2 = 0x02,
    disconnect_with_will = 0x04,
    no_matching_subscribers = 0x10,
    no_subscription_existed = 0x11,
    continue_authentication = 0x18,
    reauthenticate = 0x19,
    unspecified_error = 0x80,
    malformed_packet = 0x81,
    protocol_error = 0x82,
    implementation_specific_error = 0x83,
    unsupported_protocol_version = 0x84,
    client_identifier_not_valid = 0x85,
    bad_user_name_or_password = 0x86,
    not_authorized = 0x87,
    server_unavailable = 0x88,
    server_busy = 0x89,
    banned = 0x8a,
    server_shutting_down = 0x8b,
    bad_authentication_method = 0x8c,
    keep_alive_timeout = 0x8d,
    session_taken_over = 0x8e,
    topic_filter_invalid = 0x8f,
    topic_name_invalid = 0x90,
    packet_identifier_in_use = 0x91,
    packet_identifier_not_found = 0x92,
    receive_maximum_exceeded = 0x93,
    topic_alias_invalid = 0x94,
    packet_too_large = 0x95,
    message_rate_too_high = 0x96,
    quota_exceeded = 0x97,
    administrative_action = 0x98,
    payload_format_invalid = 0x99,
    retain_not_supported = 0x9a,
    qos_not_supported = 0x9b,
    use_another_server = 0x9c,
    server_moved = 0x9d,
    shared_subscriptions_not_supported = 0x9e,
    connection_rate_exceeded = 0x9f,
    maximum_connect_time = 0xa0,
    subscription_identifiers_not_supported = 0xa1,
    wildcard_subscriptions_not_supported = 0xa2
};

constexpr bool failed(reason r) {
    return static_cast<uint8_t>(r) >= 0x80;
}

// What is wrong with a packet: the v5 reason code and a line for people. `text` has static storage.
struct violation {
    reason code = reason::success;
    const char* text = "";

    explicit operator bool() const { return code != reason::success; }
};
inline violation malformed(const char* text) {
    return {reason::malformed_packet, text};
}
inline violation protocol_error(const char* text) {
    return {reason::protocol_error, text};
}

// "malformed packet", for events and reason strings.
const char* describe(reason r);
const char* describe(packet_type t);

// True when a packet of type `t` from `sender` may carry `r` (MQTT 5: 3.2.2.2, 3.4.2.1, ...
// 3.15.2.1).
bool allowed(packet_type t, role sender, reason r);

// The v3.1.1 CONNACK return code for a refusal, or 0 when that version closes without an answer
// (3.1.1: 3.1.4, 3.2.2.3).
uint8_t to_connack_311(reason r);

}  // namespace weft::mqtt
