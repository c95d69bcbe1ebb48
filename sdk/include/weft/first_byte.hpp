// first_protocol: what the first byte of a client shows, for routes of a port that serves several
// protocols. Each of these begins in a way of its own; the binding behind looks at the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft {

enum class first_protocol : uint8_t { unknown, tls, http, mqtt };

constexpr first_protocol protocol_of(uint8_t first) {
    constexpr uint8_t tls_handshake = 22;     // RFC 8446, 5.1: a record with a ClientHello
    constexpr uint8_t mqtt_connect = 1 << 4;  // MQTT 5, 3.1.1: the first packet, flags 0
    if (first == tls_handshake) return first_protocol::tls;
    if (first == mqtt_connect) return first_protocol::mqtt;
    // RFC 9110, 9.1: methods are words in capital letters.
    return first >= 'A' && first <= 'Z' ? first_protocol::http : first_protocol::unknown;
}

// By the name that configurations have for it.
constexpr std::optional<first_protocol> protocol_named(std::string_view name) {
    if (name == "tls") return first_protocol::tls;
    if (name == "http") return first_protocol::http;
    if (name == "mqtt") return first_protocol::mqtt;
    return std::nullopt;
}

}  // namespace weft
