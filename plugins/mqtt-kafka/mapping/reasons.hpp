// MQTT reason codes of this binding (MQTT 5, 2.4), and what Kafka's errors become.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::mqtt_kafka {

namespace reason {
inline constexpr uint8_t success = 0x00;
inline constexpr uint8_t no_subscription_existed = 0x11;
inline constexpr uint8_t unspecified = 0x80;
inline constexpr uint8_t implementation_specific = 0x83;
inline constexpr uint8_t client_id_invalid = 0x85;
inline constexpr uint8_t not_authorized = 0x87;
inline constexpr uint8_t server_unavailable = 0x88;
inline constexpr uint8_t server_shutting_down = 0x8b;
inline constexpr uint8_t session_taken_over = 0x8e;
inline constexpr uint8_t topic_filter_invalid = 0x8f;
inline constexpr uint8_t packet_id_not_found = 0x92;
inline constexpr uint8_t topic_name_invalid = 0x90;
inline constexpr uint8_t protocol_error = 0x82;
inline constexpr uint8_t quota_exceeded = 0x97;
inline constexpr uint8_t qos_not_supported = 0x9b;
inline constexpr uint8_t shared_not_supported = 0x9e;
inline constexpr uint8_t wildcards_not_supported = 0xa2;
}  // namespace reason

// Why a publish, a filter or a session was refused: the code for the packet and one line for people
// (empty = none).
struct refusal {
    uint8_t code = reason::success;
    std::string text;

    explicit operator bool() const { return code >= 0x80; }
};

inline std::string missing_topic_text(std::string_view topic) {
    return "Kafka topic '" + std::string(topic) + "' does not exist";
}

// Only codes that a PUBACK may carry (MQTT 5, 3.4.2.1).
inline refusal refusal_of_kafka_error(int32_t error, std::string_view topic,
                                      std::string_view text) {
    constexpr int32_t unknown_topic = 3, message_too_large = 10, record_list_too_large = 18,
                      topic_authorization = 29, cluster_authorization = 31;
    switch (error) {
        case 0:
            return {};
        case unknown_topic:
            return {reason::implementation_specific, missing_topic_text(topic)};
        case message_too_large:
        case record_list_too_large:
            return {reason::quota_exceeded,
                    "larger than Kafka topic '" + std::string(topic) + "' allows"};
        case topic_authorization:
        case cluster_authorization:
            return {reason::not_authorized,
                    "Kafka does not authorize writing to topic '" + std::string(topic) + "'"};
        default:
            return {reason::implementation_specific,
                    "Kafka topic '" + std::string(topic) + "': " +
                        (text.empty() ? "error " + std::to_string(error) : std::string(text))};
    }
}

}  // namespace weft::mqtt_kafka
