// DISCONNECT and AUTH (3.14, 3.15).
#include "decoder.hpp"

namespace weft::mqtt {

violation decode_disconnect(reader in, role sender, packet& out) {
    if (in.empty()) return {};  // 3.14.2.1: normal disconnection
    if (out.version != version_5) return malformed("DISCONNECT with a body");
    uint8_t code = 0;
    in.u8(code);
    out.code = static_cast<reason>(code);
    if (!allowed(packet_type::disconnect, sender, out.code))
        return protocol_error("reason code is not one of DISCONNECT");  // [MQTT-3.14.2-1]
    if (in.empty()) return {};                                          // 3.14.2.2.1
    if (const violation f =
            parse_properties(in, place_of(packet_type::disconnect), sender, out.props))
        return f;
    return in.empty() ? violation{} : malformed("bytes behind the last field of DISCONNECT");
}

violation decode_auth(reader in, role sender, packet& out) {
    if (in.empty()) {  // 3.15.2.1: success, which only a server says
        if (sender == role::client) return protocol_error("reason code is not one of AUTH");
        return {};
    }
    uint8_t code = 0;
    in.u8(code);
    out.code = static_cast<reason>(code);
    if (!allowed(packet_type::auth, sender, out.code))
        return protocol_error("reason code is not one of AUTH");  // [MQTT-3.15.2-1]
    if (const violation f = parse_properties(in, place_of(packet_type::auth), sender, out.props))
        return f;
    if (!out.props.has(property::authentication_method))
        return protocol_error("AUTH without an authentication method");  // 3.15.2.2.2
    return in.empty() ? violation{} : malformed("bytes behind the last field of AUTH");
}

}  // namespace weft::mqtt
