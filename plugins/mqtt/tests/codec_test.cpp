// Byte vectors: what a client sends and what the decoder makes of it, valid and not, fed at once
// and one byte at a time.
#include "transcript.hpp"

#include "hex.hpp"

#include <gtest/gtest.h>

namespace weft::mqtt {
namespace {

struct vector_case {
    const char* name;
    uint8_t version;  // version_unknown: the bytes begin with CONNECT
    role sender;
    const char* input;
    reason error;           // success: all of it decodes
    const char* canonical;  // nullptr: as the input
};

[[maybe_unused]] void PrintTo(const vector_case& c, std::ostream* o) {
    *o << c.name;
}

class codec_vector : public testing::TestWithParam<vector_case> {};

TEST_P(codec_vector, decodes_the_same_in_any_pieces) {
    const auto& c = GetParam();
    const std::string in = hex(c.input);
    const transcript whole = decode_all(as_bytes(in), 0, c.sender, c.version);
    EXPECT_EQ(whole.error, c.error) << whole.error_text;
    for (size_t piece : {1u, 2u, 3u, 7u})
        EXPECT_EQ(whole, decode_all(as_bytes(in), piece, c.sender, c.version))
            << "pieces of " << piece;
    if (c.error != reason::success) return;
    std::string out;
    for (const auto& p : whole.packets) out += p;
    EXPECT_EQ(to_hex(out), to_hex(c.canonical ? hex(c.canonical) : in));
}

constexpr auto cl = role::client;
constexpr auto sv = role::server;
constexpr uint8_t none = version_unknown, v4 = version_311, v5 = version_5;
constexpr auto ok = reason::success;
constexpr auto bad = reason::malformed_packet;
constexpr auto pro = reason::protocol_error;

const vector_case connects[] = {
    {"v4_minimal", none, cl, "10 0d 0004 'MQTT' 04 02 003c 0001 'c'", ok, nullptr},
    // 3.1.1 [MQTT-3.1.3-1] 3.1.1 [MQTT-3.1.2-9] 3.1.1 [MQTT-3.1.2-19] 3.1.1 [MQTT-3.1.2-21]
    {"v4_all_fields", none, cl,
     "10 1b 0004 'MQTT' 04 ee 003c 0001 'c' 0001 't' 0002 'pp' 0001 'u' 0002 'pw'", ok, nullptr},
    {"v4_empty_id", none, cl, "10 0c 0004 'MQTT' 04 02 003c 0000", ok, nullptr},
    {"v4_remaining_length_not_minimal", none, cl, "10 8c 00 0004 'MQTT' 04 02 003c 0000", ok,
     "10 0c 0004 'MQTT' 04 02 003c 0000"},
    // 3.1.1 [MQTT-3.1.2-22]
    {"v4_password_without_user", none, cl, "10 0e 0004 'MQTT' 04 42 003c 0000 0000", bad, nullptr},
    // 3.1.1 [MQTT-3.1.2-14] [MQTT-3.1.2-12]
    {"v4_will_qos_3", none, cl, "10 12 0004 'MQTT' 04 1e 003c 0000 0001 't' 0001 'x'", bad,
     nullptr},
    // 3.1.1 [MQTT-3.1.2-11] 3.1.1 [MQTT-3.1.2-15] [MQTT-3.1.2-13]
    {"v4_will_retain_without_will", none, cl, "10 0c 0004 'MQTT' 04 22 003c 0000", bad, nullptr},
    // 3.1.1 [MQTT-3.1.2-3] [MQTT-3.1.2-3]
    {"v4_reserved_flag", none, cl, "10 0c 0004 'MQTT' 04 03 003c 0000", bad, nullptr},
    // 3.1.1 [MQTT-3.1.2-18] 3.1.1 [MQTT-3.1.2-20] [MQTT-3.1.2-16] [MQTT-3.1.2-18]
    {"v4_trailing_bytes", none, cl, "10 0d 0004 'MQTT' 04 02 003c 0000 00", bad, nullptr},
    // 3.1.1 [MQTT-3.1.3-3] [MQTT-3.1.3-3]
    {"v4_cut_client_id", none, cl, "10 0d 0004 'MQTT' 04 02 003c 0005 'c'", bad, nullptr},
    // 3.1.1 [MQTT-3.1.3-4] 3.1.1 [MQTT-1.5.3-2] [MQTT-3.1.3-4]
    {"v4_client_id_with_nul", none, cl, "10 0e 0004 'MQTT' 04 02 003c 0002 'c' 00", bad, nullptr},
    // [MQTT-3.1.2-17]
    {"v4_user_flag_without_field", none, cl, "10 0c 0004 'MQTT' 04 82 003c 0000", bad, nullptr},
    {"v4_will_topic_wildcard", none, cl, "10 12 0004 'MQTT' 04 06 003c 0000 0001 '#' 0001 'x'",
     reason::topic_name_invalid, nullptr},
    {"level_3", none, cl, "10 0e 0006 'MQIsdp' 03 02 003c 0000", ok,
     "10 0c 0004 'MQTT' 04 02 003c 0000"},
    {"level_3_with_the_name_of_4", none, cl, "10 0c 0004 'MQTT' 03 02 003c 0000",
     reason::unsupported_protocol_version, nullptr},
    {"level_6", none, cl, "10 0d 0004 'MQTT' 06 02 003c 00 0000",
     reason::unsupported_protocol_version, nullptr},
    // [MQTT-3.1.2-1] 3.1.1 [MQTT-3.1.2-1]
    {"wrong_name", none, cl, "10 0c 0004 'MQTX' 04 02 003c 0000",
     reason::unsupported_protocol_version, nullptr},
    {"v5_minimal", none, cl, "10 0d 0004 'MQTT' 05 02 003c 00 0000", ok, nullptr},
    {"v5_password_without_user", none, cl, "10 10 0004 'MQTT' 05 42 003c 00 0000 0001 'p'", ok,
     nullptr},
    // [MQTT-1.5.5-1]
    {"v5_remaining_length_not_minimal", none, cl, "10 8d 00 0004 'MQTT' 05 02 003c 00 0000", bad,
     nullptr},
    {"v5_every_property", none, cl,
     "10 { 0004 'MQTT' 05 02 003c { 11 0000000a 15 0001 'm' 16 0001 'd' 17 01 19 01 21 ffff 22 "
     "0010 "
     "27 00001000 26 0001 'k' 0001 'v' } 0000 }",
     ok, nullptr},
    {"v5_two_user_properties", none, cl,
     "10 1b 0004 'MQTT' 05 02 003c 0e 26 0001 'k' 0001 'v' 26 0001 'k' 0001 'w' 0000", ok, nullptr},
    // [MQTT-3.1.2-9] [MQTT-3.1.3-1]
    {"v5_will_properties", none, cl,
     "10 { 0004 'MQTT' 05 06 003c 00 0000 { 01 01 02 0000000f 03 0002 'ct' 08 0003 'r/1' 09 0002 "
     "0102 18 00000001 "
     "26 0001 'k' 0001 'v' } 0001 't' 0000 }",
     ok, nullptr},
    {"v5_session_expiry_twice", none, cl,
     "10 17 0004 'MQTT' 05 02 003c 0a 11 00000001 11 00000001 0000", pro, nullptr},
    {"v5_receive_maximum_0", none, cl, "10 10 0004 'MQTT' 05 02 003c 03 21 0000 0000", pro,
     nullptr},
    {"v5_maximum_packet_size_0", none, cl, "10 12 0004 'MQTT' 05 02 003c 05 27 00000000 0000", pro,
     nullptr},
    {"v5_problem_information_2", none, cl, "10 0f 0004 'MQTT' 05 02 003c 02 17 02 0000", pro,
     nullptr},
    {"v5_auth_data_without_method", none, cl, "10 11 0004 'MQTT' 05 02 003c 04 16 0001 'd' 0000",
     pro, nullptr},
    {"v5_property_of_another_packet", none, cl, "10 10 0004 'MQTT' 05 02 003c 03 23 0001 0000", bad,
     nullptr},
    {"v5_unknown_property", none, cl, "10 0f 0004 'MQTT' 05 02 003c 02 7f 01 0000", bad, nullptr},
    {"v5_properties_too_long", none, cl, "10 0d 0004 'MQTT' 05 02 003c 7f 0000", bad, nullptr},
    {"v5_property_cut", none, cl, "10 10 0004 'MQTT' 05 02 003c 03 11 0000 0000", bad, nullptr},
    {"v5_will_payload_not_utf8", none, cl,
     "10 { 0004 'MQTT' 05 06 003c 00 0000 { 01 01 } 0001 't' 0001 ff }",
     reason::payload_format_invalid, nullptr},
    {"v5_will_delay_in_connect", none, cl, "10 12 0004 'MQTT' 05 02 003c 05 18 00000001 0000", bad,
     nullptr},
    // 3.1.1 [MQTT-3.1.0-1] [MQTT-3.1.0-1]
    {"first_packet_not_connect", none, cl, "c0 00", pro, nullptr},
    {"http_request", none, cl, "'GET / HTTP/1.1'", bad, nullptr},
    {"tls_hello", none, cl, "16 03 01 02 00", bad, nullptr},
    // [MQTT-2.1.3-1] 3.1.1 [MQTT-2.2.2-1]
    {"connect_flags", none, cl, "11 0c 0004 'MQTT' 04 02 003c 0000", bad, nullptr},
    // 3.1.1 [MQTT-3.1.0-2]
    {"second_connect", none, cl,
     "10 0c 0004 'MQTT' 04 02 003c 0000 10 0c 0004 'MQTT' 04 02 003c 0000", pro, nullptr},
    {"connect_and_more", none, cl,
     "10 0c 0004 'MQTT' 04 02 003c 0000 82 06 0001 0001 'a' 01 c0 00 e0 00", ok, nullptr},
};
INSTANTIATE_TEST_SUITE_P(connect, codec_vector, testing::ValuesIn(connects),
                         [](const auto& i) { return std::string(i.param.name); });

const vector_case publishes[] = {
    // 3.1.1 [MQTT-2.3.1-5] [MQTT-2.2.1-2]
    {"v4_qos_0", v4, cl, "30 05 0001 'a' 'hi'", ok, nullptr},
    {"v4_empty_payload", v4, cl, "30 03 0001 'a'", ok, nullptr},
    {"v4_qos_1_dup_retain", v4, cl, "3b 07 0001 'a' 0007 'hi'", ok, nullptr},
    {"v4_qos_2", v4, cl, "34 07 0001 'a' 0007 'hi'", ok, nullptr},
    // 3.1.1 [MQTT-3.3.1-4] [MQTT-3.3.1-4]
    {"v4_qos_3", v4, cl, "36 07 0001 'a' 0007 'hi'", bad, nullptr},
    // 3.1.1 [MQTT-3.3.1-2] [MQTT-3.3.1-2]
    {"v4_dup_qos_0", v4, cl, "38 05 0001 'a' 'hi'", bad, nullptr},
    // 3.1.1 [MQTT-2.3.1-1]
    {"v4_packet_id_0", v4, cl, "32 07 0001 'a' 0000 'hi'", pro, nullptr},
    // 3.1.1 [MQTT-4.7.3-1] [MQTT-4.7.3-1]
    {"v4_empty_topic", v4, cl, "30 04 0000 'hi'", reason::topic_name_invalid, nullptr},
    // 3.1.1 [MQTT-3.3.2-2] 3.1.1 [MQTT-4.7.1-1] [MQTT-3.3.2-2] [MQTT-4.7.0-1]
    {"v4_wildcard", v4, cl, "30 07 0003 'a/#' 'hi'", reason::topic_name_invalid, nullptr},
    {"v4_topic_longer_than_packet", v4, cl, "30 05 0009 'a' 'hi'", bad, nullptr},
    {"v4_no_packet_id", v4, cl, "32 03 0001 'a'", bad, nullptr},
    {"v4_shorter_than_topic_length", v4, cl, "30 01 00", bad, nullptr},
    // 3.1.1 [MQTT-4.7.3-2] [MQTT-4.7.3-2]
    {"v4_topic_with_nul", v4, cl, "30 05 0002 'a' 00 'x'", bad, nullptr},
    // 3.1.1 [MQTT-1.5.3-1] 3.1.1 [MQTT-3.3.2-1] [MQTT-3.3.2-1]
    {"v4_topic_surrogate", v4, cl, "30 05 0003 eda080", bad, nullptr},
    {"v4_length_five_bytes", v4, cl, "30 ff ff ff ff 01", bad, nullptr},
    {"v4_length_not_minimal", v4, cl, "30 85 00 0001 'a' 'hi'", ok, "30 05 0001 'a' 'hi'"},
    {"v5_length_not_minimal", v5, cl, "30 86 00 0001 'a' 00 'hi'", bad, nullptr},
    {"v5_qos_0", v5, cl, "30 06 0001 'a' 00 'hi'", ok, nullptr},
    {"v5_every_property", v5, cl,
     "32 { 0001 'a' 0007 { 01 01 02 0000000a 03 0002 'ct' 08 0003 'r/1' 09 0002 0102 23 0001 26 "
     "0001 'k' 0002 'v1' "
     "26 0001 'k' 0000 } 'hi' }",
     ok, nullptr},
    {"v5_alias_only", v5, cl, "30 08 0000 03 23 0001 'hi'", ok, nullptr},
    {"v5_neither_topic_nor_alias", v5, cl, "30 05 0000 00 'hi'", pro, nullptr},
    // [MQTT-3.3.2-8]
    {"v5_alias_0", v5, cl, "30 09 0001 'a' 03 23 0000 'hi'", reason::topic_alias_invalid, nullptr},
    {"v5_alias_twice", v5, cl, "30 0c 0001 'a' 06 23 0001 23 0001 'hi'", pro, nullptr},
    // [MQTT-3.3.4-6]
    {"v5_subscription_id_from_client", v5, cl, "30 08 0001 'a' 02 0b 01 'hi'", pro, nullptr},
    {"v5_subscription_ids_from_server", v5, sv, "30 0b 0001 'a' 05 0b 01 0b 8001 'hi'", ok,
     nullptr},
    {"v5_subscription_id_0", v5, sv, "30 08 0001 'a' 02 0b 00 'hi'", pro, nullptr},
    {"v5_format_2", v5, cl, "30 08 0001 'a' 02 01 02 'hi'", pro, nullptr},
    // [MQTT-3.3.2-14]
    {"v5_response_topic_wildcard", v5, cl, "30 0a 0001 'a' 04 08 0001 '#' 'hi'", pro, nullptr},
    {"v5_properties_too_long", v5, cl, "30 06 0001 'a' 09 'hi'", bad, nullptr},
    {"v5_no_properties", v5, cl, "30 03 0001 'a'", bad, nullptr},
    {"v5_property_length_cut", v5, cl, "30 04 0001 'a' 80", bad, nullptr},
    {"v5_property_length_not_minimal", v5, cl, "30 07 0001 'a' 80 00 'hi'", bad, nullptr},
    {"v5_properties_out_of_order", v5, cl, "30 0c 0001 'a' 06 23 0001 01 01 02 'hi'", bad, nullptr},
    {"v5_sorted_when_encoded", v5, cl, "30 0b 0001 'a' 05 23 0001 01 01 'hi'", ok,
     "30 0b 0001 'a' 05 01 01 23 0001 'hi'"},
};
INSTANTIATE_TEST_SUITE_P(publish, codec_vector, testing::ValuesIn(publishes),
                         [](const auto& i) { return std::string(i.param.name); });

const vector_case acks[] = {
    {"v4_puback", v4, cl, "40 02 0001", ok, nullptr},
    {"v4_pubrel", v4, cl, "62 02 0001", ok, nullptr},
    // [MQTT-3.6.1-1] 3.1.1 [MQTT-3.6.1-1]
    {"v4_pubrel_flags", v4, cl, "60 02 0001", bad, nullptr},
    {"v4_puback_too_long", v4, cl, "40 03 0001 00", bad, nullptr},
    {"v4_puback_id_0", v4, cl, "40 02 0000", pro, nullptr},
    {"v4_puback_cut", v4, cl, "40 01 00", bad, nullptr},
    {"v5_puback_short", v5, cl, "40 02 0001", ok, nullptr},
    {"v5_puback_success_spelled_out", v5, cl, "40 03 0001 00", ok, "40 02 0001"},
    {"v5_puback_success_empty_properties", v5, cl, "40 04 0001 00 00", ok, "40 02 0001"},
    {"v5_puback_reason", v5, cl, "40 03 0001 10", ok, nullptr},
    {"v5_puback_reason_string", v5, cl, "40 09 0001 80 05 1f 0002 'no'", ok, nullptr},
    // [MQTT-3.4.2-1]
    {"v5_puback_unknown_reason", v5, cl, "40 03 0001 01", pro, nullptr},
    {"v5_pubrec", v5, cl, "50 03 0001 97", ok, nullptr},
    {"v5_pubcomp", v5, cl, "70 03 0001 92", ok, nullptr},
    // [MQTT-3.7.2-1]
    {"v5_pubcomp_wrong_reason", v5, cl, "70 03 0001 97", pro, nullptr},
    {"v5_puback_wrong_property", v5, cl, "40 07 0001 00 03 23 0001", bad, nullptr},
};
INSTANTIATE_TEST_SUITE_P(ack, codec_vector, testing::ValuesIn(acks),
                         [](const auto& i) { return std::string(i.param.name); });

const vector_case subscribes[] = {
    {"v4_subscribe", v4, cl, "82 0b 0001 0001 'a' 01 0002 '/#' 02", ok, nullptr},
    // 3.1.1 [MQTT-3.8.3-4]
    {"v4_reserved_options", v4, cl, "82 06 0001 0001 'a' 05", bad, nullptr},
    {"v4_qos_3", v4, cl, "82 06 0001 0001 'a' 03", pro, nullptr},
    {"v4_share_is_a_plain_filter", v4, cl, "82 0d 0001 0008 '$share/#' 00", ok, nullptr},
    // 3.1.1 [MQTT-3.8.3-3] [MQTT-3.8.3-2]
    {"v4_no_filter", v4, cl, "82 02 0001", pro, nullptr},
    {"v4_id_0", v4, cl, "82 06 0000 0001 'a' 01", pro, nullptr},
    // 3.1.1 [MQTT-3.8.1-1] [MQTT-3.8.1-1]
    {"v4_flags", v4, cl, "80 06 0001 0001 'a' 01", bad, nullptr},
    {"v4_bad_filter", v4, cl, "82 07 0001 0002 'a#' 01", reason::topic_filter_invalid, nullptr},
    {"v4_empty_filter", v4, cl, "82 05 0001 0000 01", reason::topic_filter_invalid, nullptr},
    {"v4_no_options", v4, cl, "82 05 0001 0001 'a'", bad, nullptr},
    {"v5_all_options", v5, cl, "82 { 0001 { 0b ffffff7f } 0001 'a' 2e }", ok, nullptr},
    {"v5_subscription_id_0", v5, cl, "82 09 0001 02 0b 00 0001 'a' 00", pro, nullptr},
    {"v5_subscription_id_twice", v5, cl, "82 0b 0001 04 0b 01 0b 01 0001 'a' 00", pro, nullptr},
    // [MQTT-3.8.3-5]
    {"v5_reserved_options", v5, cl, "82 07 0001 00 0001 'a' 40", bad, nullptr},
    {"v5_retain_handling_3", v5, cl, "82 07 0001 00 0001 'a' 30", pro, nullptr},
    {"v5_qos_3", v5, cl, "82 07 0001 00 0001 'a' 03", pro, nullptr},
    // [MQTT-3.8.3-4]
    {"v5_no_local_on_share", v5, cl, "82 10 0001 00 000a '$share/g/a' 04", pro, nullptr},
    {"v5_share", v5, cl, "82 10 0001 00 000a '$share/g/a' 01", ok, nullptr},
    {"v5_share_without_filter", v5, cl, "82 0f 0001 00 0009 '$share/g/' 00",
     reason::topic_filter_invalid, nullptr},
    {"v4_unsubscribe", v4, cl, "a2 08 0001 0001 'a' 0001 'b'", ok, nullptr},
    // 3.1.1 [MQTT-3.10.3-2] [MQTT-3.10.3-2]
    {"v4_unsubscribe_nothing", v4, cl, "a2 02 0001", pro, nullptr},
    {"v5_unsubscribe", v5, cl, "a2 0d 0001 07 26 0001 'k' 0001 'v' 0001 'a'", ok, nullptr},
    // [MQTT-3.10.1-1] 3.1.1 [MQTT-3.10.1-1]
    {"v5_unsubscribe_flags", v5, cl, "a0 06 0001 00 0001 'a'", bad, nullptr},
    {"v4_suback", v4, sv, "90 04 0001 01 80", ok, nullptr},
    {"v4_suback_unknown", v4, sv, "90 03 0001 87", pro, nullptr},
    {"v5_suback", v5, sv, "90 05 0001 00 02 9e", ok, nullptr},
    {"v4_unsuback", v4, sv, "b0 02 0001", ok, nullptr},
    {"v5_unsuback", v5, sv, "b0 0b 0001 06 1f 0003 'why' 00 11", ok, nullptr},
    {"suback_from_client", v5, cl, "90 04 0001 00 00", pro, nullptr},
};
INSTANTIATE_TEST_SUITE_P(subscribe, codec_vector, testing::ValuesIn(subscribes),
                         [](const auto& i) { return std::string(i.param.name); });

const vector_case others[] = {
    {"ping", v4, cl, "c0 00", ok, nullptr},
    {"ping_with_body", v4, cl, "c0 01 00", bad, nullptr},
    {"pong", v5, sv, "d0 00", ok, nullptr},
    {"type_0", v5, cl, "00 00", bad, nullptr},
    {"v4_disconnect", v4, cl, "e0 00", ok, nullptr},
    // 3.1.1 [MQTT-3.14.1-1]
    {"v4_disconnect_with_body", v4, cl, "e0 01 00", bad, nullptr},
    {"v5_disconnect_with_will", v5, cl, "e0 01 04", ok, nullptr},
    {"v5_disconnect_expiry", v5, cl, "e0 07 00 05 11 0000000a", ok, nullptr},
    {"v5_disconnect_reason_string", v5, cl, "e0 08 00 06 1f 0003 'bye'", ok, nullptr},
    // [MQTT-3.14.2-1]
    {"v5_disconnect_of_a_server", v5, cl, "e0 01 8b", pro, nullptr},
    {"v5_disconnect_server_reference_from_client", v5, cl, "e0 06 00 04 1c 0001 'x'", pro, nullptr},
    {"v5_disconnect_from_server", v5, sv, "e0 06 9d 04 1c 0001 'x'", ok, nullptr},
    {"v5_disconnect_expiry_from_server", v5, sv, "e0 07 00 05 11 0000000a", pro, nullptr},
    {"v4_auth", v4, cl, "f0 00", bad, nullptr},
    // [MQTT-3.15.2-1]
    {"v5_auth_short", v5, cl, "f0 00", pro, nullptr},
    {"v5_auth", v5, cl, "f0 06 18 04 15 0001 'm'", ok, nullptr},
    {"v5_auth_no_method", v5, cl, "f0 02 18 00", pro, nullptr},
    {"v5_auth_success_from_server", v5, sv, "f0 00", ok, nullptr},
    {"v4_connack", v4, sv, "20 02 01 00", ok, nullptr},
    {"v4_connack_refused_with_session", v4, sv, "20 02 01 03", pro, nullptr},
    {"v5_connack_qos_2", v5, sv, "20 { 00 00 { 24 02 } }", pro, nullptr},
    {"v5_connack_properties", v5, sv,
     "20 { 01 00 { 11 00000000 12 0001 'x' 13 000a 21 0040 22 0010 24 01 2a 00 } }", ok, nullptr},
    {"v5_connack_refused", v5, sv, "20 09 00 88 06 1f 0003 'why'", ok, nullptr},
};
INSTANTIATE_TEST_SUITE_P(other, codec_vector, testing::ValuesIn(others),
                         [](const auto& i) { return std::string(i.param.name); });

TEST(decoder, refuses_a_packet_that_is_too_large_before_it_has_come) {
    const std::string in = hex("30 80 08");
    EXPECT_EQ(decode_all(as_bytes(in), 1, role::client, version_311, 1000).error,
              reason::packet_too_large);
    EXPECT_EQ(decode_all(as_bytes(in), 1, role::client, version_311, 1027).error, reason::success);
}

TEST(decoder, passes_payload_on_without_holding_it) {
    std::string in = hex("30 e3 07 0001 'a'") + std::string(992, 'x');
    decoder d{role::client, packet_size_limit, version_311};
    packet p;
    bytes first = as_bytes(in).first(500);
    ASSERT_EQ(d.next(first, p), step::packet);
    EXPECT_EQ(p.publish.payload.data(), as_bytes(in).data() + 6) << "decoded in place";
    EXPECT_EQ(p.publish.payload.size() + p.publish.payload_left, 992u);
    EXPECT_EQ(d.held(), 0u);
    EXPECT_EQ(d.next(first, p), step::need_more);
    bytes rest = as_bytes(in).subspan(500);
    ASSERT_EQ(d.next(rest, p), step::payload);
    EXPECT_EQ(p.publish.payload.data(), as_bytes(in).data() + 500);
    EXPECT_EQ(p.publish.payload_left, 0u);
    EXPECT_TRUE(d.at_boundary());
}

TEST(decoder, holds_no_memory_at_a_boundary) {
    const std::string in = hex("82 06 0001 0001 'a' 01");
    decoder d{role::client, packet_size_limit, version_311};
    packet p;
    for (size_t i = 0; i < in.size(); ++i) {
        bytes b = as_bytes(in).subspan(i, 1);
        const step s = d.next(b, p);
        EXPECT_EQ(s, i + 1 == in.size() ? step::packet : step::need_more);
    }
    EXPECT_TRUE(d.at_boundary());
    ASSERT_EQ(p.subscriptions.size(), 1u);
    EXPECT_EQ(p.subscriptions[0].filter, "a") << "views point into packet::storage";
}

TEST(decoder, an_error_is_final) {
    std::string in = hex("ff 00");
    decoder d{role::client, packet_size_limit, version_311};
    packet p;
    bytes b = as_bytes(in);
    EXPECT_EQ(d.next(b, p), step::error);
    std::string good = hex("c0 00");
    b = as_bytes(good);
    EXPECT_EQ(d.next(b, p), step::error);
}

TEST(decoder, tells_the_version_of_a_refused_connect) {
    for (auto [text, version] : {std::pair{"10 0c 0004 'MQTT' 04 03 003c 0000", 4},
                                 {"10 0d 0004 'MQTT' 05 03 003c 00 0000", 5},
                                 {"10 0c 0004 'MQTT' 03 02 003c 0000", 3}}) {
        const std::string in = hex(text);
        decoder d{role::client, packet_size_limit};
        packet p;
        bytes b = as_bytes(in);
        ASSERT_EQ(d.next(b, p), step::error);
        EXPECT_EQ(p.version, version) << text;
    }
}

TEST(properties, are_read_by_name) {
    const std::string in =
        hex("32 { 0001 'a' 0007 { 01 01 02 0000000a 08 0003 'r/1' 09 0002 0102 26 0001 'k' 0002 "
            "'v1' 26 0001 'k' 0000 } }");
    packet p;
    decoder d{role::client, packet_size_limit, version_5};
    bytes b = as_bytes(in);
    ASSERT_EQ(d.next(b, p), step::packet) << p.error.text;
    EXPECT_EQ(p.props.number(property::payload_format, 9), 1u);
    EXPECT_EQ(p.props.number(property::message_expiry), 10u);
    EXPECT_EQ(p.props.number(property::server_keep_alive, 77), 77u) << "absent";
    EXPECT_EQ(p.props.text(property::response_topic), "r/1");
    EXPECT_EQ(p.props.text(property::correlation_data), hex("0102"));
    std::string users;
    p.props.for_each_user(
        [&](std::string_view k, std::string_view v) { (users += k) += v, users += ';'; });
    EXPECT_EQ(users, "kv1;k;");
}

TEST(encoder, writes_repeated_properties_from_a_block) {
    std::vector<uint8_t> block;
    append_subscription_id(block, 1);
    append_user(block, "k", "v");
    append_subscription_id(block, 300);
    packet p;
    p.reset(packet_type::publish, version_5);
    p.publish = {};
    p.publish.topic = "a";
    p.publish.payload_size = 2;
    p.props.set(property::message_expiry, 7u);
    p.props.set_repeated(block);
    EXPECT_EQ(to_hex(encode_to_string(p)),
              to_hex(hex("30 17 0001 'a' { 02 00000007 0b 01 0b ac02 26 0001 'k' 0001 'v' }")));
}

TEST(reasons, map_to_version_3_1_1) {
    EXPECT_EQ(to_connack_311(reason::unsupported_protocol_version), 1);
    EXPECT_EQ(to_connack_311(reason::client_identifier_not_valid), 2);
    EXPECT_EQ(to_connack_311(reason::server_unavailable), 3);
    EXPECT_EQ(to_connack_311(reason::implementation_specific_error), 3);
    EXPECT_EQ(to_connack_311(reason::bad_user_name_or_password), 4);
    EXPECT_EQ(to_connack_311(reason::not_authorized), 5);
    EXPECT_EQ(to_connack_311(reason::malformed_packet), 0) << "closed without an answer";
}

}  // namespace
}  // namespace weft::mqtt
