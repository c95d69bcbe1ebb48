// Names of the headers on records of messages and retained topics, in the order they are written.
#pragma once

#include <string_view>

namespace weft::mqtt_kafka::header {

inline constexpr std::string_view prefix = "zilla:";
inline constexpr std::string_view filter = "zilla:filter";  // one per topic level
inline constexpr std::string_view local = "zilla:local";    // publisher's client id
inline constexpr std::string_view expiry = "zilla:expiry";  // seconds, 4 bytes, big-endian
inline constexpr std::string_view content_type = "zilla:content-type";
inline constexpr std::string_view format = "zilla:format";      // BINARY or TEXT
inline constexpr std::string_view reply_to = "zilla:reply-to";  // Kafka topic of the request itself
inline constexpr std::string_view reply_key = "zilla:reply-key";  // MQTT Response Topic
inline constexpr std::string_view reply_filter =
    "zilla:reply-filter";  // one per level of the Response Topic
inline constexpr std::string_view correlation_id = "zilla:correlation-id";  // bytes
// user properties stand here, names and values as they are
inline constexpr std::string_view retain =
    "zilla:retain";  // "1", only on messages topics, only when RETAIN was set
inline constexpr std::string_view qos2 =
    "zilla:qos2";  // QoS 2: epoch, packet id and publish number, 8 + 2 + 8 bytes, big-endian
inline constexpr std::string_view qos = "zilla:qos";  // "0", "1" or "2", always, last

inline constexpr std::string_view format_binary = "BINARY";
inline constexpr std::string_view format_text = "TEXT";

}  // namespace weft::mqtt_kafka::header
