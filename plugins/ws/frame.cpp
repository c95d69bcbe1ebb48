#include "frame.hpp"

#include <algorithm>
#include <cstring>

namespace weft::ws {
namespace {

constexpr uint8_t fin_bit = 0x80, rsv1_bit = 0x40, rsv23_bits = 0x30, op_bits = 0x0f;
constexpr uint8_t mask_bit = 0x80, size_bits = 0x7f;
constexpr uint8_t size_16 = 126, size_64 = 127;

void put_number(uint8_t* to, uint64_t v, size_t n) {
    for (size_t i = 0; i < n; ++i) to[i] = static_cast<uint8_t>(v >> 8 * (n - 1 - i));
}

uint64_t number(const uint8_t* from, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; ++i) v = v << 8 | from[i];
    return v;
}

}  // namespace

size_t write_head(uint8_t* to, const frame_head& h) {
    to[0] = static_cast<uint8_t>((h.fin ? fin_bit : 0) | (h.compressed ? rsv1_bit : 0) | h.op);
    size_t at = 2;
    if (h.size < size_16) {
        to[1] = static_cast<uint8_t>(h.size);
    } else if (h.size <= UINT16_MAX) {
        to[1] = size_16;
        put_number(to + at, h.size, 2);
        at += 2;
    } else {
        to[1] = size_64;
        put_number(to + at, h.size, 8);
        at += 8;
    }
    if (!h.masked) return at;
    to[1] |= mask_bit;
    std::memcpy(to + at, h.key.data(), h.key.size());
    return at + h.key.size();
}

// Of the whole head, once its first two bytes are known.
size_t head_reader::size() const {
    const uint8_t n = raw_[1] & size_bits;
    const size_t length = n == size_16 ? 2 : n == size_64 ? 8 : 0;
    return 2 + length + (raw_[1] & mask_bit ? sizeof(mask_key) : 0);
}

size_t head_reader::feed(bytes in) {
    size_t used = 0;
    while (used < in.size() && !(sized_ && have_ == need_)) {
        const size_t n = std::min<size_t>(in.size() - used, static_cast<size_t>(need_ - have_));
        std::memcpy(raw_.data() + have_, in.data() + used, n);
        have_ = static_cast<uint8_t>(have_ + n);
        used += n;
        if (have_ == 2 && !sized_) {
            need_ = static_cast<uint8_t>(size());
            sized_ = true;
        }
    }
    return used;
}

frame_head head_reader::take(bool& canonical) {
    frame_head h;
    h.fin = raw_[0] & fin_bit;
    h.compressed = raw_[0] & rsv1_bit;
    h.reserved = raw_[0] & rsv23_bits;
    h.op = raw_[0] & op_bits;
    h.masked = raw_[1] & mask_bit;
    h.size = raw_[1] & size_bits;
    size_t at = 2;
    canonical = true;
    if (h.size == size_16) {
        h.size = number(raw_.data() + at, 2);
        canonical = h.size >= size_16;
        at += 2;
    } else if (h.size == size_64) {
        h.size = number(raw_.data() + at, 8);
        canonical = h.size > UINT16_MAX && h.size >> 63 == 0;
        at += 8;
    }
    if (h.masked) std::memcpy(h.key.data(), raw_.data() + at, h.key.size());
    have_ = 0;
    need_ = 2;
    sized_ = false;
    return h;
}

void apply_mask(const uint8_t* from, uint8_t* to, size_t n, const mask_key& key, uint64_t at) {
    // The key as it meets from[0], twice: eight bytes at a time.
    uint8_t turned[8];
    for (size_t i = 0; i < sizeof turned; ++i) turned[i] = key[(at + i) % key.size()];
    uint64_t wide = 0;
    std::memcpy(&wide, turned, sizeof wide);
    size_t i = 0;
    for (; i + sizeof wide <= n; i += sizeof wide) {
        uint64_t word = 0;
        std::memcpy(&word, from + i, sizeof word);
        word ^= wide;
        std::memcpy(to + i, &word, sizeof word);
    }
    for (; i < n; ++i) to[i] = from[i] ^ turned[i % sizeof turned];
}

}  // namespace weft::ws
