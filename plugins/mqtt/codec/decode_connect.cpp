// CONNECT and CONNACK (3.1, 3.2).
#include "decoder.hpp"
#include "topic.hpp"
#include "utf8.hpp"

namespace weft::mqtt {

namespace {

enum : uint8_t {
    flag_reserved = 0x01,
    flag_clean_start = 0x02,
    flag_will = 0x04,
    flag_will_retain = 0x20,
    flag_password = 0x40,
    flag_user_name = 0x80
};

violation read_string(reader& in, std::string_view& out, const char* what) {
    if (!in.text(out) || !is_mqtt_string(as_bytes(out))) return malformed(what);
    return {};
}

violation check_flags(uint8_t flags, uint8_t version) {
    if (flags & flag_reserved)
        return malformed("reserved flag of CONNECT is set");  // [MQTT-3.1.2-3]
    const uint8_t will_qos = (flags >> 3) & 3;
    if (will_qos == 3) return malformed("will QoS 3");  // [MQTT-3.1.2-12]
    if ((flags & flag_will) == 0 && (will_qos != 0 || (flags & flag_will_retain)))
        return malformed("will QoS or will retain without a will");  // [MQTT-3.1.2-11, -13]
    if (version == version_311 && (flags & flag_password) && !(flags & flag_user_name))
        return malformed("password without user name");  // 3.1.1 [MQTT-3.1.2-22]
    return {};
}

violation read_will(reader& in, uint8_t flags, packet& out) {
    auto& will = out.connect.will;
    will.qos = (flags >> 3) & 3;
    will.retain = (flags & flag_will_retain) != 0;
    will.props.clear();
    if (out.version == version_5)
        if (const violation f = parse_properties(in, will_place, role::client, will.props))
            return f;
    if (const violation f =
            read_string(in, will.topic, "will topic is cut or not a valid UTF-8 string"))
        return f;
    if (!is_topic_name(will.topic))
        return {reason::topic_name_invalid, "will topic is empty or has wildcards"};
    if (!in.binary(will.payload)) return malformed("will payload is cut");
    if (will.props.number(property::payload_format) == 1) {
        utf8_checker text;
        if (!text.feed(will.payload) || !text.complete())
            return {reason::payload_format_invalid, "will payload is not the UTF-8 it says it is"};
    }
    return {};
}

violation read_payload(reader& in, uint8_t flags, packet& out) {
    auto& c = out.connect;
    if (const violation f =
            read_string(in, c.client_id, "client id is cut or not a valid UTF-8 string"))
        return f;
    c.has_will = (flags & flag_will) != 0;
    if (c.has_will)
        if (const violation f = read_will(in, flags, out)) return f;
    c.user_name.reset();
    c.password.reset();
    if (flags & flag_user_name) {
        std::string_view name;
        if (const violation f =
                read_string(in, name, "user name is cut or not a valid UTF-8 string"))
            return f;
        c.user_name = name;
    }
    if (flags & flag_password) {
        bytes password;
        if (!in.binary(password)) return malformed("password is cut");
        c.password = password;
    }
    return in.empty() ? violation{} : malformed("bytes behind the last field of CONNECT");
}

}  // namespace

violation decode_connect(reader in, packet& out) {
    std::string_view name;
    uint8_t level = 0, flags = 0;
    out.version = version_unknown;
    if (!in.text(name) || !in.u8(level)) return malformed("CONNECT is cut");
    out.version = level;
    const bool is_31 = name == "MQIsdp" && level == version_31;
    if (!is_31 && (name != "MQTT" || (level != version_311 && level != version_5)))
        return {reason::unsupported_protocol_version, "protocol name or level is not supported"};
    out.connect.is_version_31 = is_31;
    if (is_31) out.version = level = version_311;
    if (!in.u8(flags)) return malformed("CONNECT is cut");
    if (is_31) flags &= static_cast<uint8_t>(~flag_reserved);  // it is unused there, not forbidden
    if (const violation f = check_flags(flags, level)) return f;
    out.connect.clean_start = (flags & flag_clean_start) != 0;
    if (!in.u16(out.connect.keep_alive_s)) return malformed("CONNECT is cut");
    if (level == version_5)
        if (const violation f =
                parse_properties(in, place_of(packet_type::connect), role::client, out.props))
            return f;
    return read_payload(in, flags, out);
}

violation decode_connack(reader in, packet& out) {
    uint8_t flags = 0, code = 0;
    if (!in.u8(flags) || !in.u8(code)) return malformed("CONNACK is cut");
    if (flags > 1) return malformed("reserved flags of CONNACK are set");  // [MQTT-3.2.2-1]
    out.session_present = flags == 1;
    if (out.version != version_5) {
        if (code > 5) return malformed("unknown return code in CONNACK");
        out.connack_311 = code;
    } else {
        out.code = static_cast<reason>(code);
        if (!allowed(packet_type::connack, role::server, out.code))
            return protocol_error("reason code is not one of CONNACK");
        if (const violation f =
                parse_properties(in, place_of(packet_type::connack), role::server, out.props))
            return f;
    }
    if (code != 0 && out.session_present)
        return protocol_error("session present with a refusal");  // [MQTT-3.2.2-6]
    return in.empty() ? violation{} : malformed("bytes behind the last field of CONNACK");
}

}  // namespace weft::mqtt
