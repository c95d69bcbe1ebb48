// Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include "types.hpp"

namespace weft::mqtt {

// Checks text that arrives in pieces, as a payload with Payload Format Indicator 1 does. U+0000 is
// well-formed there.
class utf8_checker {
public:
    // False once the text so far cannot be the beginning of well-formed UTF-8.
    bool feed(bytes piece);
    // True when no character is cut at the end.
    bool complete() const { return state_ == 0; }

private:
    uint8_t state_ = 0;  // 0: between characters, 1: refused, else where inside a character
};

// MQTT 5, 1.5.4: an MQTT string is well-formed and has no U+0000 either [MQTT-1.5.4-1, -2].
bool is_mqtt_string(bytes text);

// The beginning of `text` of at most `size_max` bytes that cuts no character; empty when `text` is
// no MQTT string. For words of others that go into a packet.
std::string_view fit_mqtt_string(std::string_view text, size_t size_max);

}  // namespace weft::mqtt
