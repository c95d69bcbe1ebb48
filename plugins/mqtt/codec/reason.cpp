// Reason codes: their names, and which packet may carry which.
#include "types.hpp"

#include <initializer_list>

namespace weft::mqtt {

namespace {

bool one_of(reason r, std::initializer_list<uint8_t> codes) {
    for (uint8_t c : codes)
        if (c == static_cast<uint8_t>(r)) return true;
    return false;
}

bool disconnect_from_client(reason r) {
    return one_of(
        r, {0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99});
}

bool disconnect_from_server(reason r) {
    return one_of(
        r, {0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94,
            0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2});
}

}  // namespace

bool allowed(packet_type t, role sender, reason r) {
    switch (t) {
        case packet_type::connack:
            return one_of(r, {0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
                              0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f});
        case packet_type::puback:
        case packet_type::pubrec:
            return one_of(r, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99});
        case packet_type::pubrel:
        case packet_type::pubcomp:
            return one_of(r, {0x00, 0x92});
        case packet_type::suback:
            return one_of(r,
                          {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2});
        case packet_type::unsuback:
            return one_of(r, {0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91});
        case packet_type::disconnect:
            return sender == role::client ? disconnect_from_client(r) : disconnect_from_server(r);
        case packet_type::auth:
            return one_of(r, {0x18}) ||
                   (sender == role::client ? one_of(r, {0x19}) : one_of(r, {0x00}));
        default:
            return r == reason::success;
    }
}

uint8_t to_connack_311(reason r) {
    switch (r) {
        case reason::unsupported_protocol_version:
            return 1;
        case reason::client_identifier_not_valid:
            return 2;
        case reason::bad_user_name_or_password:
            return 4;
        case reason::not_authorized:
        case reason::banned:
        case reason::bad_authentication_method:
            return 5;
        // 3.1.1, 3.1.4-1: what does not conform to 3.1 is closed without CONNACK.
        case reason::success:
        case reason::malformed_packet:
        case reason::protocol_error:
        case reason::packet_too_large:
        case reason::topic_name_invalid:
            return 0;
        default:
            return 3;
    }
}

const char* describe(reason r) {
    switch (r) {
        case reason::success:
            return "success";
        case reason::granted_qos_1:
            return "granted QoS 1";
        case reason::granted_qos_2:
            return "granted QoS 2";
        case reason::disconnect_with_will:
            return "disconnect with will message";
        case reason::no_matching_subscribers:
            return "no matching subscribers";
        case reason::no_subscription_existed:
            return "no subscription existed";
        case reason::continue_authentication:
            return "continue authentication";
        case reason::reauthenticate:
            return "re-authenticate";
        case reason::unspecified_error:
            return "unspecified error";
        case reason::malformed_packet:
            return "malformed packet";
        case reason::protocol_error:
            return "protocol error";
        case reason::implementation_specific_error:
            return "implementation specific error";
        case reason::unsupported_protocol_version:
            return "unsupported protocol version";
        case reason::client_identifier_not_valid:
            return "client identifier not valid";
        case reason::bad_user_name_or_password:
            return "bad user name or password";
        case reason::not_authorized:
            return "not authorized";
        case reason::server_unavailable:
            return "server unavailable";
        case reason::server_busy:
            return "server busy";
        case reason::banned:
            return "banned";
        case reason::server_shutting_down:
            return "server shutting down";
        case reason::bad_authentication_method:
            return "bad authentication method";
        case reason::keep_alive_timeout:
            return "keep alive timeout";
        case reason::session_taken_over:
            return "session taken over";
        case reason::topic_filter_invalid:
            return "topic filter invalid";
        case reason::topic_name_invalid:
            return "topic name invalid";
        case reason::packet_identifier_in_use:
            return "packet identifier in use";
        case reason::packet_identifier_not_found:
            return "packet identifier not found";
        case reason::receive_maximum_exceeded:
            return "receive maximum exceeded";
        case reason::topic_alias_invalid:
            return "topic alias invalid";
        case reason::packet_too_large:
            return "packet too large";
        case reason::message_rate_too_high:
            return "message rate too high";
        case reason::quota_exceeded:
            return "quota exceeded";
        case reason::administrative_action:
            return "administrative action";
        case reason::payload_format_invalid:
            return "payload format invalid";
        case reason::retain_not_supported:
            return "retain not supported";
        case reason::qos_not_supported:
            return "QoS not supported";
        case reason::use_another_server:
            return "use another server";
        case reason::server_moved:
            return "server moved";
        case reason::shared_subscriptions_not_supported:
            return "shared subscriptions not supported";
        case reason::connection_rate_exceeded:
            return "connection rate exceeded";
        case reason::maximum_connect_time:
            return "maximum connect time";
        case reason::subscription_identifiers_not_supported:
            return "subscription identifiers not supported";
        case reason::wildcard_subscriptions_not_supported:
            return "wildcard subscriptions not supported";
    }
    return "unknown reason";
}

const char* describe(packet_type t) {
    static constexpr const char* names[] = {"reserved",  "CONNECT",  "CONNACK",     "PUBLISH",
                                            "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                                            "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                            "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH"};
    return names[static_cast<uint8_t>(t) & 0x0f];
}

}  // namespace weft::mqtt
