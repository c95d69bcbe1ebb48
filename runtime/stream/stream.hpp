// A stream: two ends, each with the state of its outgoing direction. There are two for each idle
// connection, so what can be worked out or is hardly ever used has no place of its own here.
#pragma once

#include "worker/instance.hpp"

#include <weft/abi.h>

#include <cstdint>
#include <utility>

namespace weft {
class loop;

enum class direction : uint8_t { idle, open, over };
}  // namespace weft

struct weft_stream {
    weft::party* at = nullptr;  // null: nobody, not any more or never
    void* self = nullptr;

    uint64_t sent = 0;         // bytes reserved on the outgoing direction
    uint32_t outstanding = 0;  // those of them that are not acknowledged; at most `maximum`
    uint32_t maximum = 0, padding = 0;
    uint32_t unseen = 0;  // bytes reserved of the incoming direction that wait in the inbox
    uint32_t queued = 0;  // inbox items that refer to this end
    weft::direction out = weft::direction::idle;
    weft::direction in = weft::direction::idle;
    bool closing = false;   // on_closed is queued
    uint8_t index : 1 = 0;  // 0 the opener's end, 1 the accepter's
    bool window_dirty : 1 = false;
    bool window_extended : 1 = false;  // the loop has a window_extension for it
    bool closed : 1 = false;           // on_closed has run

    weft_worker* owner() const { return at ? at->owner : nullptr; }
    const weft_endpoint_vt* vt() const { return at ? at->vt : nullptr; }
    // Who stands here from now on; nobody.
    void seat(weft_worker* who, const weft_endpoint_vt* functions);
    void unseat();

    weft_stream* peer();
    const weft_stream* peer() const { return const_cast<weft_stream*>(this)->peer(); }
    uint64_t acknowledged() const { return sent - outstanding; }
    uint64_t received() const { return peer()->sent - unseen; }
    uint32_t credit() const { return maximum > outstanding ? maximum - outstanding : 0; }
    bool over() const { return out == weft::direction::over && in == weft::direction::over; }
};

namespace weft {

struct stream_pair {
    weft_stream ends[2];
    uint64_t auth = 0;
};
static_assert(sizeof(stream_pair) <= 104);

// What few WINDOWs carry.
struct window_extension {
    uint64_t budget = 0;
    uint32_t minimum = 0;
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

inline void weft_stream::seat(weft_worker* who, const weft_endpoint_vt* functions) {
    unseat();
    at = &who->party_of(functions);
    ++at->ends;
}

inline void weft_stream::unseat() {
    weft::party* const left = std::exchange(at, nullptr);
    if (left && --left->ends == 0) left->owner->forget(*left);
}
