// arena: small writes of many connections cut from one buffer of the worker. A cut region is
// written once and then only read, as slices demand; the buffer lives as long as one of its slices
// does.
#pragma once

#include "limits.hpp"

#include <weft/worker.hpp>

#include <algorithm>

namespace weft::mqtt {

class arena {
public:
    explicit arena(worker w) : here_(w) {}

    // `n` writable bytes as a borrowed slice (retain it to keep it); data is null when memory is
    // out.
    weft_slice take(uint32_t n, uint8_t*& to) {
        if (!to_ || left_ < n) refill(n);
        if (!to_) return {};
        weft_slice s = buffer_.slice();
        to = to_;
        s.data = to_;
        s.len = n;
        to_ += n;
        left_ -= n;
        return s;
    }

private:
    void refill(uint32_t n) {
        const uint32_t size = std::max(n, limits::arena_bytes);
        buffer_ = here_.alloc(size, to_);
        left_ = to_ ? size : 0;
    }

    worker here_;
    chunk buffer_;
    uint8_t* to_ = nullptr;
    uint32_t left_ = 0;
};

}  // namespace weft::mqtt
