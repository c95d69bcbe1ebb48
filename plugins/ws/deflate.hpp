// The two halves of permessage-deflate over zlib: messages compressed and read back, in pieces.
// Each keeps its window between messages only if that was agreed upon, and its memory only as long
// as it is needed.
#pragma once

#include "extension.hpp"
#include "frame.hpp"

#include <zlib.h>

#include <memory>

namespace weft::ws {

// What a piece of work came to.
struct deflated {
    size_t used = 0, made = 0;
    bool more = false;    // there was no room for all of it
    bool failed = false;  // not deflate's format, or no memory
};

class inflater {
public:
    inflater(int window_bits, bool takeover) : bits_(window_bits), takeover_(takeover) {}

    // Payload of a message as it came.
    deflated step(bytes in, std::span<uint8_t> out);
    // What every message ends with and nobody sends (RFC 7692, 7.2.2). Again while there is `more`.
    deflated finish(std::span<uint8_t> out);
    bool has_more() const { return more_; }

private:
    struct ender {
        void operator()(z_stream* z) const {
            inflateEnd(z);
            delete z;
        }
    };
    bool begin();

    const int bits_;
    const bool takeover_;
    bool more_ = false;
    uint8_t tail_at_ = 0;
    std::unique_ptr<z_stream, ender> z_;
};

class deflater {
public:
    deflater(const compression& c, const agreed& a)
        : bits_(a.window_bits), level_(c.level), memory_(c.memory_level), takeover_(a.takeover) {}

    // A part of a message. Without `last` what comes out may be nothing yet.
    deflated step(bytes in, std::span<uint8_t> out, bool last);
    // The message is out; its last four bytes are not to be sent.
    void finish();

private:
    struct ender {
        void operator()(z_stream* z) const {
            deflateEnd(z);
            delete z;
        }
    };
    bool begin();

    const int bits_, level_, memory_;
    const bool takeover_;
    std::unique_ptr<z_stream, ender> z_;
};

inline constexpr size_t deflate_tail = 4;  // 00 00 ff ff

}  // namespace weft::ws
