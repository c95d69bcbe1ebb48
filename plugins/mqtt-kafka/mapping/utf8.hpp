// Strict UTF-8 as MQTT wants it (MQTT 5, 1.5.4): no overlong forms, no surrogates, no U+0000.
// Header names and values of foreign records are any bytes; only what passes may become an MQTT
// string.
#pragma once

#include <weft/text.hpp>

#include <string_view>

namespace weft::mqtt_kafka {

inline bool valid_utf8(std::string_view text) {
    return text.find('\0') == text.npos && weft::valid_utf8(text);
}

// An MQTT string: valid UTF-8 with a 16-bit length.
inline bool valid_mqtt_string(std::string_view text) {
    return text.size() <= 65535 && valid_utf8(text);
}

}  // namespace weft::mqtt_kafka
