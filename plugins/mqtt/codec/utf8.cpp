#include "utf8.hpp"

#include <cstring>

namespace weft::mqtt {

namespace {

// The states name what may follow inside a character (RFC 3629, section 4).
enum : uint8_t { between, refused, tail_1, tail_2, tail_3, after_e0, after_ed, after_f0, after_f4 };

uint8_t start(uint8_t c) {
    if (c < 0x80) return between;
    if (c < 0xc2) return refused;  // a continuation byte, or an overlong two-byte form
    if (c < 0xe0) return tail_1;
    if (c == 0xe0) return after_e0;
    if (c == 0xed) return after_ed;
    if (c < 0xf0) return tail_2;
    if (c == 0xf0) return after_f0;
    if (c < 0xf4) return tail_3;
    if (c == 0xf4) return after_f4;
    return refused;
}

uint8_t follow(uint8_t state, uint8_t c) {
    if ((c & 0xc0) != 0x80) return refused;
    switch (state) {
        case tail_1:
            return between;
        case tail_2:
            return tail_1;
        case tail_3:
            return tail_2;
        case after_e0:
            return c >= 0xa0 ? tail_1 : refused;  // shorter forms exist below
        case after_ed:
            return c < 0xa0 ? tail_1 : refused;  // surrogates D800-DFFF
        case after_f0:
            return c >= 0x90 ? tail_2 : refused;
        case after_f4:
            return c < 0x90 ? tail_2 : refused;  // above U+10FFFF
        default:
            return refused;
    }
}

// Skips eight ASCII bytes at a time; most text is nothing else. With NoNul a zero byte ends the
// run.
template <bool NoNul>
const uint8_t* skip_ascii(const uint8_t* p, const uint8_t* end) {
    constexpr uint64_t high = 0x8080808080808080u;
    constexpr uint64_t ones = 0x0101010101010101u;
    while (end - p >= 8) {
        uint64_t w;
        std::memcpy(&w, p, 8);
        if (w & high) break;
        if (NoNul && ((w - ones) & ~w & high)) break;
        p += 8;
    }
    return p;
}

template <bool NoNul>
uint8_t run(uint8_t state, bytes text) {
    const uint8_t* p = text.data();
    const uint8_t* end = p + text.size();
    while (p != end) {
        if (state == between) {
            p = skip_ascii<NoNul>(p, end);
            if (p == end) break;
            if (NoNul && *p == 0) return refused;
            state = start(*p++);
        } else {
            state = follow(state, *p++);
        }
        if (state == refused) return refused;
    }
    return state;
}

}  // namespace

bool utf8_checker::feed(bytes piece) {
    if (state_ != refused) state_ = run<false>(state_, piece);
    return state_ != refused;
}

bool is_mqtt_string(bytes text) {
    return run<true>(between, text) == between;
}

std::string_view fit_mqtt_string(std::string_view text, size_t size_max) {
    if (!is_mqtt_string({reinterpret_cast<const uint8_t*>(text.data()), text.size()})) return {};
    if (text.size() <= size_max) return text;
    size_t end = size_max;
    while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

}  // namespace weft::mqtt
