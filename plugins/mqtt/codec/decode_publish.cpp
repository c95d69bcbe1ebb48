// PUBLISH up to its payload, and PUBACK, PUBREC, PUBREL, PUBCOMP (3.3 to 3.7).
#include "decoder.hpp"
#include "topic.hpp"
#include "utf8.hpp"

namespace weft::mqtt {

violation decode_publish(uint8_t flags, reader in, role sender, packet& out) {
    auto& p = out.publish;
    p.dup = (flags & 8) != 0;
    p.qos = (flags >> 1) & 3;
    p.retain = (flags & 1) != 0;
    if (!in.text(p.topic)) return malformed("PUBLISH is cut");
    if (!is_mqtt_string(as_bytes(p.topic)))
        return malformed("topic name is not a valid UTF-8 string");
    if (has_wildcard(p.topic))
        return {reason::topic_name_invalid, "topic name has wildcards"};  // [MQTT-3.3.2-2]
    if (p.qos != 0) {
        if (!in.u16(out.packet_id)) return malformed("PUBLISH is cut");
        if (out.packet_id == 0) return protocol_error("packet id 0");  // [MQTT-2.2.1-3, -4]
    }
    if (out.version == version_5)
        if (const violation f =
                parse_properties(in, place_of(packet_type::publish), sender, out.props))
            return f;
    if (!p.topic.empty()) return {};
    if (out.version != version_5)
        return {reason::topic_name_invalid, "topic name is empty"};  // [MQTT-4.7.3-1]
    if (!out.props.has(property::topic_alias))
        return protocol_error("topic name is empty and there is no topic alias");  // 3.3.2.1
    return {};
}

violation decode_ack(reader in, role sender, packet& out) {
    if (!in.u16(out.packet_id)) return malformed("acknowledgement is cut");
    if (out.packet_id == 0) return protocol_error("packet id 0");
    if (in.empty()) return {};  // 3.4.2.1: success, no properties
    if (out.version != version_5) return malformed("acknowledgement is too long");
    uint8_t code = 0;
    in.u8(code);
    out.code = static_cast<reason>(code);
    if (!allowed(out.type, sender, out.code))
        return protocol_error("reason code is not one of this packet");
    if (in.empty()) return {};  // 3.4.2.2.1: no property length
    if (const violation f = parse_properties(in, place_of(out.type), sender, out.props)) return f;
    return in.empty() ? violation{}
                      : malformed("bytes behind the last field of an acknowledgement");
}

}  // namespace weft::mqtt
