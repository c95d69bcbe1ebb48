// Frames of RFC 6455, 5.2: their heads, masks and close codes. No state beyond a head that is not
// all there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weft::ws {

using bytes = std::span<const uint8_t>;

enum opcode : uint8_t {
    op_continuation = 0,
    op_text = 1,
    op_binary = 2,
    op_close = 8,
    op_ping = 9,
    op_pong = 10
};
constexpr bool is_control(uint8_t op) {
    return (op & 8) != 0;
}

// RFC 6455, 7.4.1.
enum close_code : uint16_t {
    code_normal = 1000,
    code_going_away = 1001,
    code_protocol_error = 1002,
    code_unsupported_data = 1003,
    code_none = 1005,      // never sent: the Close had no code
    code_abnormal = 1006,  // never sent: there was no Close
    code_invalid_data = 1007,
    code_policy = 1008,
    code_too_big = 1009,
    code_internal_error = 1011
};
// May a peer send it? Those registered with IANA, and those left to libraries and applications.
constexpr bool is_close_code(uint16_t c) {
    if (c >= 3000) return c <= 4999;
    return c >= 1000 && c <= 1014 && c != 1004 && c != code_none && c != code_abnormal;
}

using mask_key = std::array<uint8_t, 4>;

struct frame_head {
    bool fin = true;
    bool compressed = false;  // RSV1 (RFC 7692, 6)
    bool reserved = false;    // RSV2 or RSV3
    bool masked = false;
    uint8_t op = op_binary;
    mask_key key{};
    uint64_t size = 0;
};

inline constexpr size_t frame_head_max = 14;

// Writes it; the number of bytes.
size_t write_head(uint8_t* to, const frame_head& h);

// A head, byte by byte if need be.
class head_reader {
public:
    // Takes what is missing from the beginning of `in`; how much that was.
    size_t feed(bytes in);
    bool complete() const { return sized_ && have_ == need_; }
    // Of a complete one, which it forgets. `canonical`: the length was written in as few bytes as
    // possible (RFC 6455, 5.2: it must be).
    frame_head take(bool& canonical);

private:
    size_t size() const;

    std::array<uint8_t, frame_head_max> raw_{};
    uint8_t have_ = 0, need_ = 2;
    bool sized_ = false;
};

// `from` may be `to`. `at`: how many bytes of the frame's payload came before.
void apply_mask(const uint8_t* from, uint8_t* to, size_t n, const mask_key& key, uint64_t at);

}  // namespace weft::ws
