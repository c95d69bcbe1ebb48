// Strict UTF-8 as MQTT wants it (MQTT 5, 1.5.4): no overlong forms, no surrogates, no U+0000.
// Header names and values of foreign records are any bytes; only what passes may become an MQTT
// string.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft::mqtt_kafka {

inline bool valid_utf8(std::string_view text) {
    const auto* p = reinterpret_cast<const uint8_t*>(text.data());
    const auto* const end = p + text.size();
    const auto tail = [](uint8_t b) { return (b & 0xc0) == 0x80; };
    while (p != end) {
        const uint8_t b = *p;
        const auto left = end - p;
        if (b == 0) return false;
        if (b < 0x80) {
            ++p;
        } else if (b < 0xc2) {
            return false;
        } else if (b < 0xe0) {
            if (left < 2 || !tail(p[1])) return false;
            p += 2;
        } else if (b < 0xf0) {
            if (left < 3 || !tail(p[1]) || !tail(p[2])) return false;
            if (b == 0xe0 && p[1] < 0xa0) return false;
            if (b == 0xed && p[1] > 0x9f) return false;
            p += 3;
        } else {
            if (b > 0xf4 || left < 4 || !tail(p[1]) || !tail(p[2]) || !tail(p[3])) return false;
            if (b == 0xf0 && p[1] < 0x90) return false;
            if (b == 0xf4 && p[1] > 0x8f) return false;
            p += 4;
        }
    }
    return true;
}

// An MQTT string: valid UTF-8 with a 16-bit length.
inline bool valid_mqtt_string(std::string_view text) {
    return text.size() <= 65535 && valid_utf8(text);
}

}  // namespace weft::mqtt_kafka
