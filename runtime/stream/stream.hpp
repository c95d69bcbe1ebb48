// A stream: two ends, each with the state of its outgoing direction.
#pragma once

#include <weft/abi.h>

#include <cstdint>

namespace weft {
class loop;

enum class direction : uint8_t { idle, open, over };
}  // namespace weft

struct weft_stream {
    weft_worker* owner = nullptr;
    const weft_endpoint_vt* vt = nullptr;
    void* self = nullptr;

    uint64_t sent = 0;  // bytes reserved on the outgoing direction
    uint64_t acknowledged = 0;
    uint64_t delivered = 0;  // bytes reserved of the incoming direction that this end has seen
    uint32_t maximum = 0, padding = 0, minimum = 0;
    weft::direction out = weft::direction::idle;
    weft::direction in = weft::direction::idle;
    uint8_t index = 0;  // 0 the opener's end, 1 the accepter's
    bool window_dirty = false;
    bool closing = false;  // on_closed is queued
    bool closed = false;   // on_closed has run
    uint32_t queued = 0;   // inbox items that refer to this end
    uint64_t budget = 0;
    weft_stream* next_dirty = nullptr;

    weft_stream* peer();
    uint32_t credit() const {
        const uint64_t limit = acknowledged + maximum;
        return limit > sent ? static_cast<uint32_t>(limit - sent) : 0;
    }
    bool over() const { return out == weft::direction::over && in == weft::direction::over; }
};

namespace weft {

struct stream_pair {
    weft_stream ends[2];
    uint64_t auth = 0;
    stream_pair* prev = nullptr;  // all streams of the loop
    stream_pair* next = nullptr;
};

inline stream_pair* pair_of(weft_stream* s) {
    return reinterpret_cast<stream_pair*>(s - s->index);
}

// A frame, BEGIN for accept, or on_closed, waiting for a busy instance. The copies of the frame,
// its metadata and its slices (retained) follow in the same allocation.
struct inbox_item {
    enum class type : uint8_t { frame, accept, closed };
    inbox_item* next = nullptr;
    weft_stream* end = nullptr;
    type what = type::frame;
    uint32_t frame_size = 0;

    weft_frame* frame() { return reinterpret_cast<weft_frame*>(this + 1); }

    static inbox_item* make(weft_stream* end, type what, const weft_frame* f);
    static void destroy(inbox_item* item);  // releases what it retained
};

}  // namespace weft

inline weft_stream* weft_stream::peer() {
    return &weft::pair_of(this)->ends[1 - index];
}
