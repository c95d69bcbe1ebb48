// librdkafka's error codes as the kafka metadata knows them: Kafka protocol codes, -1 where Kafka
// has none.
#pragma once

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::kafka::client {

inline int32_t kafka_code(rd_kafka_resp_err_t e) {
    if (e >= 0) return e;
    switch (e) {
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
            return RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
            return RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
            return RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
        default:
            return -1;
    }
}

// An error text of librdkafka without what only librdkafka's developers want to know:
// "sasl_plaintext://b:9092/1: SASL authentication error: Invalid password (after 3ms in state
// AUTH_REQ)" is "Invalid password".
inline std::string plain_text(std::string_view text) {
    const auto scheme = text.find("://");
    const auto node_end = scheme == std::string_view::npos ? scheme : text.find(": ", scheme);
    if (node_end != std::string_view::npos) text.remove_prefix(node_end + 2);
    constexpr std::string_view about = "SASL authentication error: ";
    if (text.substr(0, about.size()) == about) text.remove_prefix(about.size());
    const auto tail = text.rfind(" (after ");
    return std::string(text.substr(0, tail));
}

// The broker that such a text is about, "b:9092"; empty when it does not say.
inline std::string broker_of(std::string_view text) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) return {};
    text.remove_prefix(scheme + 3);
    return std::string(text.substr(0, std::min(text.find('/'), text.find(": "))));
}

inline bool says_unsupported_mechanism(std::string_view text) {
    return text.find("nsupported") != std::string_view::npos &&
           text.find("echanism") != std::string_view::npos;
}

// The broker has no such topic (or, for those who may not describe it, says so).
inline bool means_missing(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || e == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

inline bool means_denied(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           e == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           e == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
           e == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

}  // namespace weft::kafka::client
