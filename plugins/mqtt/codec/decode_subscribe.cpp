// SUBSCRIBE, UNSUBSCRIBE and their acknowledgements (3.8 to 3.11).
#include "decoder.hpp"
#include "topic.hpp"
#include "utf8.hpp"

namespace weft::mqtt {

namespace {

violation read_head(reader& in, role sender, packet& out) {
    if (!in.u16(out.packet_id)) return malformed("packet is cut");
    if (out.packet_id == 0) return protocol_error("packet id 0");  // [MQTT-2.2.1-3]
    if (out.version != version_5) return {};
    return parse_properties(in, place_of(out.type), sender, out.props);
}

violation read_filter(reader& in, uint8_t version, std::string_view& filter) {
    if (!in.text(filter)) return malformed("topic filter is cut");
    if (!is_mqtt_string(as_bytes(filter)))
        return malformed("topic filter is not a valid UTF-8 string");
    if (!is_topic_filter(filter, version == version_5))
        return {reason::topic_filter_invalid,
                "topic filter is empty or its wildcards are misplaced"};
    return {};
}

violation read_options(reader& in, uint8_t version, subscription& s) {
    uint8_t o = 0;
    if (!in.u8(o)) return malformed("subscription options are cut");
    const uint8_t reserved = version == version_5 ? 0xc0 : 0xfc;
    if (o & reserved) return malformed("reserved bits of the subscription options are set");
    s.qos = o & 3;
    s.no_local = (o & 4) != 0;
    s.retain_as_published = (o & 8) != 0;
    s.retain_handling = (o >> 4) & 3;
    if (s.qos == 3) return protocol_error("subscription with QoS 3");        // 3.8.3.1
    if (s.retain_handling == 3) return protocol_error("retain handling 3");  // 3.8.3.1
    if (s.no_local && is_shared(s.filter))
        return protocol_error("no local on a shared subscription");  // [MQTT-3.8.3-4]
    return {};
}

}  // namespace

violation decode_subscribe(reader in, role sender, packet& out) {
    out.subscriptions.clear();
    if (const violation f = read_head(in, sender, out)) return f;
    if (in.empty()) return protocol_error("SUBSCRIBE without a topic filter");  // [MQTT-3.8.3-2]
    while (!in.empty()) {
        subscription s;
        if (const violation f = read_filter(in, out.version, s.filter)) return f;
        if (const violation f = read_options(in, out.version, s)) return f;
        out.subscriptions.push_back(s);
    }
    return {};
}

violation decode_unsubscribe(reader in, role sender, packet& out) {
    out.filters.clear();
    if (const violation f = read_head(in, sender, out)) return f;
    if (in.empty()) return protocol_error("UNSUBSCRIBE without a topic filter");  // [MQTT-3.10.3-2]
    while (!in.empty()) {
        std::string_view filter;
        if (const violation f = read_filter(in, out.version, filter)) return f;
        out.filters.push_back(filter);
    }
    return {};
}

violation decode_suback(reader in, role sender, packet& out) {
    if (const violation f = read_head(in, sender, out)) return f;
    if (out.version != version_5 && out.type == packet_type::unsuback)
        return in.empty() ? violation{} : malformed("UNSUBACK with a payload");
    if (in.empty()) return protocol_error("no reason codes");
    out.reasons = in.rest();
    for (uint8_t r : out.reasons) {
        const bool known = out.version == version_5
                               ? allowed(out.type, sender, static_cast<reason>(r))
                               : r <= 2 || r == 0x80;  // 3.1.1 [MQTT-3.9.3-2]
        if (!known) return protocol_error("reason code is not one of this packet");
    }
    return {};
}

}  // namespace weft::mqtt
