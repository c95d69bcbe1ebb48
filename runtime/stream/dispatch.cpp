// How frames move: checks, credit, queueing, delivery and the end of streams. The other half of
// loop.
#include "engine/binding_runtime.hpp"
#include "worker/loop.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace weft {
namespace {

uint32_t frame_size(uint16_t kind) {
    switch (kind) {
        case WEFT_BEGIN:
            return sizeof(weft_begin);
        case WEFT_DATA:
            return sizeof(weft_data);
        case WEFT_FLUSH:
            return sizeof(weft_flush);
        case WEFT_WINDOW:
            return sizeof(weft_window);
        case WEFT_END:
        case WEFT_ABORT:
        case WEFT_RESET:
        case WEFT_CHALLENGE:
        case WEFT_DRAIN:
            return sizeof(weft_frame);
        default:
            return 0;
    }
}

bool receiver_sends(uint16_t kind) {
    return (kind & 0x40) != 0;
}

// Counts a frame as sent; gives its sequence.
uint64_t spend(weft_stream* s, uint32_t reserved) {
    s->outstanding += reserved;
    return std::exchange(s->sent, s->sent + reserved);
}

uint32_t reserved_by(const weft_frame* f) {
    if (f->kind == WEFT_DATA) return reinterpret_cast<const weft_data*>(f)->reserved;
    if (f->kind == WEFT_FLUSH) return reinterpret_cast<const weft_flush*>(f)->reserved;
    return 0;
}

weft_frame bare(uint16_t kind) {
    return {sizeof(weft_frame), kind, 0, 0, 0, nullptr};
}

}  // namespace

void loop::set_exit(uint64_t exit_id, weft_worker* target) {
    if (exit_id >= exits_.size()) exits_.resize(exit_id + 1);
    exits_[exit_id] = target;
}

weft_stream* loop::open(weft_worker* opener, uint64_t exit_id, const weft_begin* b,
                        const weft_endpoint_vt* vt, void* self) {
    auto* p = streams_.make();
    p->auth = b->h.auth;
    stream_count_.fetch_add(1, std::memory_order_relaxed);

    weft_stream* near = &p->ends[0];
    weft_stream* far = &p->ends[1];
    near->seat(opener, vt);
    near->self = self;
    near->out = direction::open;
    far->index = 1;
    far->in = direction::open;
    ++opener->streams;

    weft_worker* target = exit_id < exits_.size() ? exits_[exit_id] : nullptr;
    if (!target || !target->attached) {
        refuse(near);
        return near;
    }
    far->seat(target, nullptr);
    ++target->streams;

    weft_begin begin = *b;
    begin.h.trace_id = b->h.trace_id ? b->h.trace_id : trace_;
    begin.origin_id = opener->binding->id;
    if (must_queue(target))
        enqueue(far, inbox_item::type::accept, &begin.h);
    else
        call_accept(far, &begin);
    return near;
}

void loop::call_accept(weft_stream* end, const weft_begin* b) {
    const weft_endpoint_vt* vt = nullptr;
    void* self = nullptr;
    int32_t rc = WEFT_E_INTERNAL;
    weft_worker* w = end->owner();
    const bool whole = enter(w, [&] { rc = w->binding->vt->accept(w->self, end, b, &vt, &self); });
    if (whole && rc == WEFT_OK && vt) {
        end->seat(w, vt);
        end->self = self;
        if (end->maximum) mark_dirty(end);  // credit that came before it was accepted
        return;
    }
    refuse(end->peer());
}

// The opener sees RESET, and nothing comes back; the far end never existed.
void loop::refuse(weft_stream* near) {
    weft_stream* far = near->peer();
    if (weft_worker* w = far->owner()) {
        --w->streams;
        far->unseat();
        look_at_rest(w);
    }
    far->in = far->out = direction::over;
    far->closing = far->closed = true;
    near->in = direction::over;
    if (near->out == direction::over) return after_end(near);
    const auto reset = bare(WEFT_RESET);
    enqueue(near, inbox_item::type::frame, &reset);
}

void loop::send(weft_stream* s, const weft_frame* f) {
    const uint32_t size = frame_size(f->kind);
    if (size == 0 || f->size < size)
        return break_stream(s, "sent a frame of unknown kind or wrong size");
    if (f->meta && (f->meta->size < sizeof(weft_meta) || f->meta->size % 8 != 0))
        return break_stream(s, "sent a metadata block with a wrong size");

    if (receiver_sends(f->kind)) {
        if (s->in == direction::over) return;
        if (f->kind == WEFT_WINDOW) return send_window(s, reinterpret_cast<const weft_window*>(f));
        weft_stream* peer = s->peer();
        if (f->kind == WEFT_RESET) s->in = direction::over;
        if (peer->out != direction::over) deliver(peer, f);
        if (f->kind == WEFT_RESET) after_end(s);
        return;
    }

    if (s->out == direction::over) return;
    switch (f->kind) {
        case WEFT_BEGIN:
            if (s->out != direction::idle) return break_stream(s, "sent BEGIN twice");
            s->out = direction::open;
            return deliver(s->peer(), f);
        case WEFT_DATA:
        case WEFT_FLUSH:
            if (s->out != direction::open)
                return break_stream(s, "sent DATA or FLUSH before BEGIN");
            return send_data(s, f);
        default:  // END, ABORT
            s->out = direction::over;
            deliver(s->peer(), f);
            return after_end(s);
    }
}

void loop::send_data(weft_stream* s, const weft_frame* f) {
    uint32_t reserved = 0;
    if (f->kind == WEFT_DATA) {
        const auto* d = reinterpret_cast<const weft_data*>(f);
        reserved = d->reserved;
        uint64_t payload = 0;
        for (uint32_t i = 0; i < d->iovcnt; ++i) payload += d->iov[i].len;
        if (payload > reserved)
            return break_stream(s, "sent DATA with more payload than it reserved");
    } else {
        reserved = reinterpret_cast<const weft_flush*>(f)->reserved;
    }
    if (reserved > s->credit()) return break_stream(s, "sent more than it was granted");
    weft_stream* const peer = s->peer();

    if (f->kind == WEFT_DATA) {
        weft_data d = *reinterpret_cast<const weft_data*>(f);
        d.sequence = spend(s, reserved);
        deliver(peer, &d.h);
    } else {
        weft_flush d = *reinterpret_cast<const weft_flush*>(f);
        d.sequence = spend(s, reserved);
        deliver(peer, &d.h);
    }
}

void loop::send_window(weft_stream* s, const weft_window* w) {
    weft_stream* peer = s->peer();
    if (peer->out == direction::over) return;
    if (w->acknowledge > peer->sent) return break_stream(s, "acknowledged more than was sent");
    const uint64_t limit = peer->acknowledged() + peer->maximum;
    const uint64_t acknowledged = std::max(w->acknowledge, peer->acknowledged());
    // acknowledge + maximum never goes down: a smaller grant takes effect as it is used up.
    const uint64_t maximum = acknowledged + w->maximum >= limit ? w->maximum : limit - acknowledged;
    peer->outstanding = static_cast<uint32_t>(peer->sent - acknowledged);
    peer->maximum = static_cast<uint32_t>(maximum);
    peer->padding = w->padding;
    if (w->budget != 0 || w->minimum != 0 || peer->window_extended)
        extend_window(peer, {w->budget, w->minimum});
    if (peer->vt()) mark_dirty(peer);
}

void loop::extend_window(weft_stream* s, const window_extension& by) {
    s->window_extended = by.budget != 0 || by.minimum != 0;
    if (s->window_extended)
        extensions_[s] = by;
    else
        extensions_.erase(s);
}

void loop::mark_dirty(weft_stream* s) {
    if (s->window_dirty) return;
    dirty_.push_back(s);
    s->window_dirty = true;
}

bool loop::drain_windows() {
    if (dirty_.empty()) return false;
    telling_.swap(dirty_);
    for (weft_stream* s : telling_) {
        s->window_dirty = false;
        if (s->out == direction::over || s->closing) {
            free_if_closed(s);
            continue;
        }
        const auto more = s->window_extended ? extensions_[s] : window_extension{};
        weft_window w{{sizeof w, WEFT_WINDOW, 0, trace_, 0, nullptr},
                      s->acknowledged(),
                      more.budget,
                      s->maximum,
                      s->padding,
                      more.minimum,
                      0};
        if (!enter(s->at->owner, [&] { s->at->vt->on_frame(s->self, s, &w.h); }))
            force_close(pair_of(s));
    }
    telling_.clear();
    return true;
}

void loop::deliver(weft_stream* end, const weft_frame* f) {
    if (!end->at || end->closing) return;
    if (must_queue(end->at->owner)) return enqueue(end, inbox_item::type::frame, f);
    dispatch(end, f);
}

// Hands a frame to its endpoint, unless the direction ended meanwhile.
void loop::dispatch(weft_stream* end, const weft_frame* f) {
    const party* const who = end->at;
    if (!who || !who->vt || end->closing) return;
    if (receiver_sends(f->kind)) {
        if (end->out == direction::over) return;
        if (f->kind == WEFT_RESET) end->out = direction::over;
    } else {
        if (end->in == direction::over) return;
        if (f->kind == WEFT_BEGIN) end->in = direction::open;
        if (f->kind == WEFT_END || f->kind == WEFT_ABORT) end->in = direction::over;
    }
    const auto* frame = f;
    union {
        weft_frame h;
        weft_data d;
        weft_flush fl;
        weft_begin b;
    } copy;
    if (f->trace_id == 0 || f->auth == 0) {
        std::memcpy(static_cast<void*>(&copy), f, frame_size(f->kind));
        if (copy.h.trace_id == 0) copy.h.trace_id = trace_;
        if (copy.h.auth == 0) copy.h.auth = pair_of(end)->auth;
        copy.h.size = frame_size(f->kind);
        frame = &copy.h;
    }
    // Who threw is in no state to go on with this stream.
    if (!enter(who->owner, [&] { who->vt->on_frame(end->self, end, frame); }))
        force_close(pair_of(end));
    after_end(end);
}

void loop::enqueue(weft_stream* end, inbox_item::type what, const weft_frame* f) {
    weft_worker* w = end->owner();
    auto* item = inbox_item::make(end, what, f);
    ++end->queued;
    if (f) end->unseen += reserved_by(f);
    if (w->inbox_tail)
        w->inbox_tail->next = item;
    else
        w->inbox_head = item;
    w->inbox_tail = item;
    if (w->busy == 0 && !w->runnable) make_runnable(w);
}

void loop::handle(inbox_item* item) {
    weft_stream* end = item->end;
    switch (item->what) {
        case inbox_item::type::frame:
            end->unseen -= reserved_by(item->frame());
            dispatch(end, item->frame());
            break;
        case inbox_item::type::accept:
            call_accept(end, reinterpret_cast<const weft_begin*>(item->frame()));
            break;
        case inbox_item::type::closed:
            close(end);
            break;
    }
    --end->queued;
    inbox_item::destroy(item);
    free_if_closed(end);
}

void loop::close(weft_stream* end) {
    weft_worker* w = end->owner();
    if (end->vt()) enter(w, [&] { end->at->vt->on_closed(end->self, end); });
    --w->streams;
    end->closed = true;
    end->unseat();  // the instance may go before the other end does
    look_at_rest(w);
}

// Queues on_closed once both directions of an end are over.
void loop::after_end(weft_stream* s) {
    if (!s->over() || s->closing || !s->at) return;
    s->closing = true;
    enqueue(s, inbox_item::type::closed, nullptr);
}

// Frees the stream when both ends have been told and nothing refers to it any more.
void loop::free_if_closed(weft_stream* end) {
    stream_pair* p = pair_of(end);
    for (const auto& e : p->ends)
        if (!e.closed || e.queued || e.window_dirty) return;
    for (auto& e : p->ends)
        if (e.window_extended) extensions_.erase(&e);
    stream_count_.fetch_sub(1, std::memory_order_relaxed);
    streams_.destroy(p);
}

void loop::break_stream(weft_stream* culprit, const char* text) {
    if (culprit->closing) return;
    host_.violation(culprit->owner(), text);
    force_close(pair_of(culprit));
}

void loop::force_close(stream_pair* p) {
    for (auto& end : p->ends) {
        if (!end.at || end.closing) continue;
        const auto reset = bare(WEFT_RESET), abort = bare(WEFT_ABORT);
        if (end.out != direction::over) enqueue(&end, inbox_item::type::frame, &reset);
        if (end.in != direction::over) enqueue(&end, inbox_item::type::frame, &abort);
    }
}

void loop::close_all() {
    streams_.for_each([&](stream_pair& p) { force_close(&p); });
}

void loop::close_streams_of(const weft_worker* w) {
    streams_.for_each([&](stream_pair& p) {
        if (p.ends[0].owner() == w || p.ends[1].owner() == w) force_close(&p);
    });
}

}  // namespace weft
