// Bytes of PROXY headers of version 2, for tests.
#pragma once

#include <string>

namespace weft::tcp {

inline std::string sized(const std::string& bytes) {
    return std::string{static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size())} +
           bytes;
}

// 192.0.2.1 port 56324 to 10.0.0.2 port 443.
inline const std::string v4_addresses("\xC0\x00\x02\x01\x0A\x00\x00\x02\xDC\x04\x01\xBB", 12);
inline const std::string v2_signature("\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A", 12);

inline std::string v2(const std::string& command_and_family, const std::string& rest) {
    return v2_signature + command_and_family + sized(rest);
}
inline std::string tlv(int type, const std::string& value) {
    return static_cast<char>(type) + sized(value);
}
// client: 1 is TLS, 2 and 4 a certificate in this connection or an earlier one of its session.
inline std::string ssl_tlv(int client, int verify, const std::string& more) {
    const std::string zeros(3, '\0');
    return tlv(0x20, static_cast<char>(client) + zeros + static_cast<char>(verify) + more);
}
inline std::string common_name_tlv(const std::string& name) {
    return tlv(0x22, name);
}
// Passed on for somebody of whom a proxy says this.
inline std::string header_with(const std::string& tlvs) {
    return v2("\x21\x11", v4_addresses + tlvs);
}

}  // namespace weft::tcp
