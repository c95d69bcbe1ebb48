// chunk: a slice of reference-counted bytes that this object keeps alive.
#pragma once

#include <weft/host.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace weft {

inline std::string_view text_of(const weft_slice& s) {
    return {reinterpret_cast<const char*>(s.data), s.len};
}

// Bytes that nobody counts, for the time of a call.
inline weft_slice borrowed(std::string_view s) {
    return {nullptr, reinterpret_cast<const uint8_t*>(s.data()), static_cast<uint32_t>(s.size()),
            0};
}

// Owns one reference. Move-only: copying costs a count and is spelled `copy()`. Belongs to one
// worker unless shared.
class chunk {
public:
    chunk() = default;
    ~chunk() { reset(); }
    chunk(chunk&& o) noexcept : s_(std::exchange(o.s_, {})) {}
    chunk& operator=(chunk&& o) noexcept {
        if (this != &o) {
            reset();
            s_ = std::exchange(o.s_, {});
        }
        return *this;
    }
    chunk(const chunk&) = delete;
    chunk& operator=(const chunk&) = delete;

    // Keeps a borrowed slice.
    static chunk retain(const weft_slice& s) {
        if (s.owner) services.buffers->retain(&s);
        return chunk{s};
    }
    // Takes over a reference that the caller owns (from alloc or wrap).
    static chunk adopt(const weft_slice& s) { return chunk{s}; }

    chunk copy() const { return retain(s_); }
    void reset() {
        if (s_.owner) services.buffers->release(&s_);
        s_ = {};
    }

    const weft_slice& slice() const { return s_; }
    const uint8_t* data() const { return s_.data; }
    uint32_t size() const { return s_.len; }
    bool empty() const { return s_.len == 0; }
    std::string_view text() const { return text_of(s_); }

    void remove_prefix(uint32_t n) { s_.data += n, s_.len -= n; }
    void truncate(uint32_t n) { s_.len = n; }

private:
    explicit chunk(const weft_slice& s) : s_(s) {}
    weft_slice s_{};
};

}  // namespace weft
