// UTF-8 (RFC 3629) checked in pieces: nothing that follows can make good what was refused.
#pragma once

#include <cstdint>
#include <span>

namespace weft::ws {

class utf8_checker {
public:
    // False as soon as the text so far cannot be the beginning of any.
    bool feed(std::span<const uint8_t> text) {
        for (const uint8_t c : text) {
            if (more_ == 0) {
                if (c < 0x80) continue;
                if (!begin(c)) return false;
            } else {
                if (c < low_ || c > high_) return false;
                low_ = 0x80;
                high_ = 0xbf;
                --more_;
            }
        }
        return true;
    }
    // No character is cut off at the end.
    bool complete() const { return more_ == 0; }

private:
    // The second byte's range keeps overlong forms, surrogates and numbers above U+10FFFF out.
    bool begin(uint8_t c) {
        low_ = 0x80;
        high_ = 0xbf;
        if (c >= 0xc2 && c <= 0xdf) {
            more_ = 1;
        } else if (c >= 0xe0 && c <= 0xef) {
            more_ = 2;
            if (c == 0xe0) low_ = 0xa0;
            if (c == 0xed) high_ = 0x9f;
        } else if (c >= 0xf0 && c <= 0xf4) {
            more_ = 3;
            if (c == 0xf0) low_ = 0x90;
            if (c == 0xf4) high_ = 0x8f;
        } else {
            return false;
        }
        return true;
    }

    uint8_t more_ = 0, low_ = 0x80, high_ = 0xbf;
};

}  // namespace weft::ws
