// Streams of the test kit's engine: checks, credit, delivery and the end; included by core.hpp.
#pragma once

#include <weft/testing/core.hpp>

namespace weft::testing::detail {

inline uint32_t frame_size(uint16_t kind) {
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
inline bool receiver_sends(uint16_t kind) {
    return (kind & 0x40) != 0;
}
inline bool usable(const weft_endpoint_vt* vt) {
    return vt && vt->size >= sizeof(weft_endpoint_vt) && vt->on_frame && vt->on_closed;
}

// A fault of the binding is reported and ends the stream, one of the test is thrown at the test.
inline void core::fault(stream_end* s, const char* rule, const std::string& text) {
    if (s->owner->is_test) throw std::logic_error("the test " + text);
    report.add(rule, s->owner->name, text);
    close_pair(s);
}

inline bool core::check_stream(const stream_end* s, const char* function) {
    if (!check_call(s->owner, function)) return false;
    if (!s->closed) return true;
    if (s->owner->is_test)
        throw std::logic_error(std::string("the test calls ") + function + " on a closed stream");
    report.add("stream.closed", s->owner->name,
               std::string(function) + " was called with a stream after its on_closed");
    return false;
}

inline weft_stream* core::open(worker_state* opener, uint64_t exit, const weft_begin* b,
                               const weft_endpoint_vt* vt, void* self) {
    stream_end* near = &ends_.emplace_back();
    stream_end* far = &ends_.emplace_back();
    near->peer = far;
    far->peer = near;
    near->owner = opener;
    near->vt = vt;
    near->self = self;
    near->out = far->in = direction::open;
    near->auth = far->auth = b ? b->h.auth : 0;
    ++opener->streams;
    if (!usable(vt)) {
        report.add("stream.endpoint", opener->name, "opened a stream without endpoint functions");
        near->vt = nullptr;
        refuse(near);
        return near->handle();
    }
    if (!check_call(opener, "open")) {
        refuse(near);
        return near->handle();
    }
    if (!b || b->h.kind != WEFT_BEGIN || b->h.size < sizeof(weft_begin)) {
        fault(near, "frame.size", "opened a stream with a BEGIN of wrong kind or size");
        return near->handle();
    }
    if (!check_meta(near, &b->h)) return near->handle();
    if (b->h.meta && !opener->emits.empty() && !opener->emits.contains(b->h.meta->type))
        report.add("meta.emits", opener->name,
                   "opened a stream with metadata that its `emits` does not name");

    weft_begin begin = *b;
    begin.h.size = sizeof begin;
    if (begin.h.trace_id == 0) begin.h.trace_id = trace_;
    begin.origin_id = opener->id;
    worker_state* target = find_binding ? find_binding(exit, opener->index) : nullptr;
    if (!target || !target->attached) {
        refuse(near);
        return near->handle();
    }
    far->owner = target;
    ++target->streams;
    // Which exit was meant is only of interest to the test's own endpoints; they are never busy
    // when a binding opens, so that it need not be queued.
    if (!target->is_test && must_queue(target))
        enqueue(far, inbox_item::type::accept, &begin.h);
    else
        call_accept(far, &begin, exit);
    return near->handle();
}

inline void core::call_accept(stream_end* s, const weft_begin* b, uint64_t exit) {
    worker_state* w = s->owner;
    if (w->is_test) {
        bool taken = false;
        enter(w, [&] { taken = accept_by_test && accept_by_test(s, exit, *b); });
        if (!taken) return refuse(s->peer);
    } else {
        const weft_endpoint_vt* vt = nullptr;
        void* self = nullptr;
        int32_t rc = WEFT_E_INTERNAL;
        enter(w, [&] { rc = w->accept(s->handle(), b, &vt, &self); });
        if (rc == WEFT_OK && !usable(vt)) {
            report.add("stream.endpoint", w->name, "accept returned 0 without endpoint functions");
            rc = WEFT_E_INTERNAL;
        }
        if (rc != WEFT_OK) return refuse(s->peer);
        s->vt = vt;
        s->self = self;
    }
    if (s->maximum && !s->window_dirty) {  // credit that came before it was accepted
        s->window_dirty = true;
        dirty_.push_back(s);
    }
}

// The opener sees RESET; the far end never existed. Who refused keeps being its owner, so that a
// handle that is used all the same is recognised.
inline void core::refuse(stream_end* near) {
    stream_end* far = near->peer;
    if (far->owner) --far->owner->streams;
    far->vt = nullptr;
    far->in = far->out = direction::stopped;
    far->closing = far->closed = true;
    near->in = direction::stopped;
    if (over(near->out)) return after_end(near);
    const weft_frame reset{sizeof reset, WEFT_RESET, 0, 0, 0, nullptr};
    enqueue(near, inbox_item::type::frame, &reset);
}

inline bool core::check_meta(stream_end* s, const weft_frame* f) {
    const weft_meta* m = f->meta;
    if (!m) return true;
    const char* wrong = nullptr;
    if (reinterpret_cast<uintptr_t>(m) % 8 != 0)
        wrong = "is not aligned to 8 bytes";
    else if (m->size < sizeof(weft_meta) || m->size % 8 != 0)
        wrong = "has a size that is below its header's or no multiple of 8";
    else if (m->fixed < sizeof(weft_meta) || m->fixed > m->size)
        wrong = "has a `fixed` part outside of the block";
    else if (m->type == 0)
        wrong = "has no type";
    if (!wrong) return true;
    fault(s, "frame.meta",
          std::string("sent ") + kind_name(f->kind) + " with a metadata block that " + wrong);
    return false;
}

inline void core::send(stream_end* s, const weft_frame* f) {
    if (!check_stream(s, "send")) return;
    const uint32_t size = frame_size(f->kind);
    if (size == 0)
        return fault(s, "frame.kind", "sent a frame of unknown kind " + std::to_string(f->kind));
    if (f->size < size)
        return fault(s, "frame.size",
                     std::string("sent ") + kind_name(f->kind) + " with a size below its struct's");
    if (!check_meta(s, f)) return;
    if (receiver_sends(f->kind)) {
        if (over(s->in)) return;
        if (f->kind == WEFT_WINDOW) return send_window(s, *reinterpret_cast<const weft_window*>(f));
        if (f->kind == WEFT_RESET) s->in = direction::stopped;
        if (!over(s->peer->out)) deliver(s->peer, f);
        if (f->kind == WEFT_RESET) after_end(s);
        return;
    }
    const bool payload = f->kind == WEFT_DATA || f->kind == WEFT_FLUSH || f->kind == WEFT_BEGIN;
    if (s->out == direction::ended && payload)
        return fault(s, "frame.after-end",
                     std::string("sent ") + kind_name(f->kind) + " after END or ABORT");
    if (over(s->out)) return;
    switch (f->kind) {
        case WEFT_BEGIN:
            if (s->out != direction::idle) return fault(s, "frame.order", "sent BEGIN twice");
            s->out = direction::open;
            return deliver(s->peer, f);
        case WEFT_DATA:
        case WEFT_FLUSH:
            if (s->out != direction::open)
                return fault(s, "frame.order",
                             std::string("sent ") + kind_name(f->kind) + " before BEGIN");
            return send_data(s, f);
        default:  // END, ABORT
            if (f->kind == WEFT_END && s->in_message)
                return fault(s, "frame.message", "sent END within a message");
            s->out = direction::ended;
            deliver(s->peer, f);
            return after_end(s);
    }
}

// One message is INIT, 0..n middle, FIN or INCOMPLETE; metadata on INIT only.
inline bool core::check_message(stream_end* s, const weft_data& d) {
    const bool init = d.h.flags & WEFT_INIT;
    const char* wrong = nullptr;
    if (init && s->in_message)
        wrong = "sent DATA with INIT within a message";
    else if (!init && !s->in_message)
        wrong = "sent DATA without INIT outside of a message";
    else if (!init && d.h.meta)
        wrong = "sent DATA with metadata but without INIT";
    if (wrong) {
        fault(s, "frame.message", wrong);
        return false;
    }
    s->in_message = !(d.h.flags & (WEFT_FIN | WEFT_INCOMPLETE));
    return true;
}

inline void core::send_data(stream_end* s, const weft_frame* f) {
    union {
        weft_frame h;
        weft_data d;
        weft_flush fl;
    } copy;
    std::memcpy(static_cast<void*>(&copy), f, frame_size(f->kind));
    copy.h.size = frame_size(f->kind);
    uint32_t reserved = 0;
    if (f->kind == WEFT_DATA) {
        reserved = copy.d.reserved;
        uint64_t payload = 0;
        for (uint32_t i = 0; i < copy.d.iovcnt; ++i) {
            payload += copy.d.iov[i].len;
            if (!buffers.on_send(copy.d.iov[i], s->owner->name)) return close_pair(s);
        }
        if (payload > reserved)
            return fault(s, "frame.reserved", "sent DATA with more payload than it reserved");
        if (!check_message(s, copy.d)) return;
        copy.d.sequence = s->sent;
    } else {
        reserved = copy.fl.reserved;
        copy.fl.sequence = s->sent;
    }
    if (reserved > s->credit())
        return fault(s, "credit",
                     "sent " + std::to_string(reserved) + " bytes with a credit of " +
                         std::to_string(s->credit()));
    s->sent += reserved;
    deliver(s->peer, &copy.h);
}

inline void core::send_window(stream_end* s, const weft_window& w) {
    stream_end* peer = s->peer;
    if (over(peer->out)) return;
    if (w.acknowledge > peer->sent)
        return fault(s, "window.acknowledge", "acknowledged more than was sent");
    const uint64_t limit = peer->acknowledged + peer->maximum;
    if (w.acknowledge + w.maximum < limit && !s->owner->is_test)
        report.add("window.shrinks", s->owner->name,
                   "sent a WINDOW that takes credit back: acknowledge + maximum is " +
                       std::to_string(w.acknowledge + w.maximum) + ", was " +
                       std::to_string(limit));
    const uint64_t acknowledged = std::max(w.acknowledge, peer->acknowledged);
    peer->maximum = static_cast<uint32_t>(std::max(acknowledged + w.maximum, limit) - acknowledged);
    peer->acknowledged = acknowledged;
    peer->padding = w.padding;
    peer->minimum = w.minimum;
    peer->budget = w.budget;
    if (!peer->vt || peer->window_dirty) return;
    peer->window_dirty = true;
    dirty_.push_back(peer);
}

inline held_frame core::hold(const weft_frame& f) {
    held_frame out;
    const uint32_t size = frame_size(f.kind);
    out.words.resize((size + 7) / 8);
    std::memcpy(out.words.data(), &f, size);
    out.get()->size = size;
    if (f.meta) {
        out.meta.resize((f.meta->size + 7) / 8);
        std::memcpy(out.meta.data(), f.meta, f.meta->size);
        out.get()->meta = reinterpret_cast<const weft_meta*>(out.meta.data());
    }
    if (f.kind == WEFT_DATA) {
        const auto& d = reinterpret_cast<const weft_data&>(f);
        out.slices.assign(d.iov, d.iov + d.iovcnt);
        for (const auto& s : out.slices) buffers.retain(s);
        reinterpret_cast<weft_data*>(out.get())->iov = out.slices.data();
    }
    return out;
}
inline void core::drop(held_frame& f) {
    for (const auto& s : f.slices) buffers.release(s);
    f.slices.clear();
}

inline void core::enqueue(stream_end* s, inbox_item::type what, const weft_frame* f) {
    worker_state* w = s->owner;
    w->inbox.push_back({s, what, f ? hold(*f) : held_frame{}});
    if (w->busy == 0 && !w->runnable) make_runnable(w);
}

inline void core::handle(inbox_item& item) {
    stream_end* s = item.end;
    switch (item.what) {
        case inbox_item::type::frame:
            dispatch(s, item.frame.get());
            break;
        case inbox_item::type::accept:
            call_accept(s, reinterpret_cast<const weft_begin*>(item.frame.get()), 0);
            break;
        case inbox_item::type::closed:
            // Handles are good until on_closed returns.
            if (s->vt) enter(s->owner, [&] { s->vt->on_closed(s->self, s->handle()); });
            --s->owner->streams;
            s->closed = true;
            break;
    }
    drop(item.frame);
}

inline void core::deliver(stream_end* s, const weft_frame* f) {
    if (!s->owner || s->closing) return;
    if (must_queue(s->owner)) return enqueue(s, inbox_item::type::frame, f);
    dispatch(s, f);
}

// Hands a frame to its endpoint, unless the direction ended meanwhile.
inline void core::dispatch(stream_end* s, const weft_frame* f) {
    if (!s->vt || s->closing) return;
    if (receiver_sends(f->kind)) {
        if (over(s->out)) return;
        if (f->kind == WEFT_RESET) s->out = direction::stopped;
    } else {
        if (f->kind == WEFT_DATA) s->delivered += reinterpret_cast<const weft_data*>(f)->reserved;
        if (f->kind == WEFT_FLUSH) s->delivered += reinterpret_cast<const weft_flush*>(f)->reserved;
        if (over(s->in)) return;
        if (f->kind == WEFT_BEGIN) s->in = direction::open;
        if (f->kind == WEFT_END || f->kind == WEFT_ABORT) s->in = direction::ended;
    }
    union {
        weft_frame h;
        weft_data d;
        weft_flush fl;
        weft_begin b;
    } copy;
    std::memcpy(static_cast<void*>(&copy), f, frame_size(f->kind));
    copy.h.size = frame_size(f->kind);
    if (copy.h.trace_id == 0) copy.h.trace_id = trace_;
    if (copy.h.auth == 0) copy.h.auth = s->auth;
    enter(s->owner, [&] { s->vt->on_frame(s->self, s->handle(), &copy.h); });
    after_end(s);
}

// Queues on_closed once both directions of an end are over.
inline void core::after_end(stream_end* s) {
    if (!s->is_over() || s->closing || !s->owner) return;
    s->closing = true;
    enqueue(s, inbox_item::type::closed, nullptr);
}

// What the host does to a stream that one side has broken: RESET and ABORT to both ends.
inline void core::close_pair(stream_end* s) {
    for (stream_end* e : {s, s->peer}) {
        if (!e->owner || e->closing) continue;
        const weft_frame reset{sizeof reset, WEFT_RESET, 0, 0, 0, nullptr};
        const weft_frame abort{sizeof abort, WEFT_ABORT, 0, 0, 0, nullptr};
        if (!over(e->out)) enqueue(e, inbox_item::type::frame, &reset);
        if (!over(e->in)) enqueue(e, inbox_item::type::frame, &abort);
    }
}

inline void core::force_close(worker_state* w) {
    // By index: an endpoint may open further streams meanwhile.
    for (size_t i = 0; i < ends_.size(); ++i)
        if (ends_[i].owner == w && !ends_[i].closing) close_pair(&ends_[i]);
}

inline size_t core::forget(worker_state* w) {
    size_t open_ends = 0;
    w->attached = false;
    for (auto& e : ends_) {
        if (e.owner != w) continue;
        if (!e.closed) ++open_ends;
        e.owner = &test;
        e.vt = nullptr;
        e.closing = e.closed = true;
    }
    std::erase(runnable_, w);
    std::erase_if(timers_, [&](const auto& t) { return t.second.owner == w; });
    std::erase_if(watches_, [&](const auto& t) { return t.second.owner == w; });
    return open_ends;
}

}  // namespace weft::testing::detail
