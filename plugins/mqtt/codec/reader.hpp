// reader: a cursor over the bytes of one packet. Every read is checked; a failed read leaves the
// cursor where it was.
#pragma once

#include "types.hpp"

namespace weft::mqtt {

// Variable Byte Integer (MQTT 5, 1.5.5): at most four bytes, 268,435,455.
inline constexpr uint32_t varint_max = 268'435'455;
inline constexpr uint32_t varint_bytes_max = 4;

struct varint {
    enum class state : uint8_t { complete, cut, too_long };
    state is = state::cut;
    bool minimal = true;  // [MQTT-1.5.5-1] asks for it; v3.1.1 does not
    uint8_t size = 0;
    uint32_t value = 0;
};

inline varint peek_varint(bytes in) {
    varint v;
    for (uint32_t i = 0; i < varint_bytes_max; ++i) {
        if (i == in.size()) return v;
        v.value |= static_cast<uint32_t>(in[i] & 0x7f) << (7 * i);
        if ((in[i] & 0x80) == 0) {
            v.is = varint::state::complete;
            v.size = static_cast<uint8_t>(i + 1);
            v.minimal = i == 0 || in[i] != 0;
            return v;
        }
    }
    v.is = varint::state::too_long;
    return v;
}

constexpr uint32_t varint_size(uint32_t v) {
    return v < 128 ? 1u : v < 16'384 ? 2u : v < 2'097'152 ? 3u : 4u;
}

inline std::string_view as_text(bytes b) {
    return {reinterpret_cast<const char*>(b.data()), b.size()};
}
inline bytes as_bytes(std::string_view s) {
    return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

class reader {
public:
    explicit reader(bytes in) : in_(in) {}

    bool empty() const { return in_.empty(); }
    size_t left() const { return in_.size(); }
    bytes rest() const { return in_; }

    bool u8(uint8_t& v) {
        if (in_.empty()) return false;
        v = in_[0];
        skip(1);
        return true;
    }
    bool u16(uint16_t& v) {
        if (in_.size() < 2) return false;
        v = static_cast<uint16_t>(in_[0] << 8 | in_[1]);
        skip(2);
        return true;
    }
    bool u32(uint32_t& v) {
        if (in_.size() < 4) return false;
        v = static_cast<uint32_t>(in_[0]) << 24 | static_cast<uint32_t>(in_[1]) << 16 |
            static_cast<uint32_t>(in_[2]) << 8 | in_[3];
        skip(4);
        return true;
    }
    // A minimal Variable Byte Integer of v5.
    bool var(uint32_t& v) {
        const varint r = peek_varint(in_);
        if (r.is != varint::state::complete || !r.minimal) return false;
        v = r.value;
        skip(r.size);
        return true;
    }
    bool take(size_t n, bytes& v) {
        if (in_.size() < n) return false;
        v = in_.first(n);
        skip(n);
        return true;
    }
    // Two-byte length and that many bytes.
    bool binary(bytes& v) {
        if (in_.size() < 2) return false;
        const size_t n = static_cast<size_t>(in_[0] << 8 | in_[1]);
        if (in_.size() - 2 < n) return false;
        v = in_.subspan(2, n);
        skip(2 + n);
        return true;
    }
    // As binary, but not yet checked to be an MQTT string: see is_mqtt_string.
    bool text(std::string_view& v) {
        bytes b;
        if (!binary(b)) return false;
        v = as_text(b);
        return true;
    }

private:
    void skip(size_t n) { in_ = in_.subspan(n); }
    bytes in_;
};

}  // namespace weft::mqtt
