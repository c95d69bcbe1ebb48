// fake_host: the host's services for one instance under test: streams whose other ends the test
// plays, a clock that the test moves, buffers that are counted. It keeps the host's rules: credit
// is spent by DATA and checked, nothing is sent on a finished direction, on_closed comes once both
// directions are over, deferred calls run at the end of a turn.
#pragma once

#include <weft/guard.hpp>
#include <weft/host.hpp>
#include <weft/meta.hpp>
#include <weft/stream.hpp>
#include <weft/worker.hpp>

#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct weft_buf {
    uint32_t count = 1;
    std::unique_ptr<uint8_t[]> bytes;
};

// A frame that the instance sent, with its metadata and payload copied.
struct sent_frame {
    uint16_t kind = 0, flags = 0;
    std::vector<uint64_t> meta;
    std::string payload;
    uint32_t reserved = 0;

    const weft_meta* block() const {
        return meta.empty() ? nullptr : reinterpret_cast<const weft_meta*>(meta.data());
    }
};

struct weft_stream {
    const weft_endpoint_vt* vt = nullptr;
    void* self = nullptr;
    uint64_t exit = 0, auth = 0;
    std::vector<uint64_t> begin_meta;  // of a stream that the instance opened
    std::deque<sent_frame> sent;
    uint32_t credit = 0, padding = 0;
    uint64_t received = 0;
    uint64_t window_limit = 0;  // acknowledge + maximum as granted by the instance
    uint32_t window_padding = 0;
    bool out_over = false, in_over = false, closed = false;
};

namespace weft::testing {

// What a guard has found out, kept until nobody refers to it.
struct guard_session {
    guard_session(std::string g, identified i)
        : guard(std::move(g)), who(std::move(i)), view(who, guard.c_str()) {}
    bool same_rights(const identified& o) const {
        return who.identity == o.identity && who.roles == o.roles && who.attributes == o.attributes;
    }
    std::string guard;
    identified who;
    identified_view view;
    uint64_t references = 1;
};

class fake_host {
public:
    fake_host() {
        current() = this;
        static const weft_streams_vt stream_table{
            sizeof stream_table, 0, open, send, credit, received, padding, peer_name};
        static const weft_buffers_vt buffers{sizeof buffers, 0,       alloc, nullptr,
                                             retain,         release, share};
        static const weft_reactor_vt reactor{sizeof reactor, 0,       now,     wall_ms,
                                             timer,          nullptr, nullptr, cancel,
                                             nullptr,        index,   defer};
        static const weft_events_vt events{sizeof events, 0, emit, ready};
        static const weft_metrics_vt metrics{sizeof metrics, 0, cell};
        static const weft_guards_vt guards{sizeof guards,  0,           verify_guard,
                                           retain_session, let_session, session_at};
        static const weft_host_vt host{sizeof host, WEFT_ABI_MAJOR, WEFT_ABI_MINOR, 0,
                                       nullptr,     nullptr,        log_line};
        services = {nullptr, &host,   &stream_table, &buffers, &reactor, nullptr,
                    nullptr, &events, &metrics,      nullptr,  nullptr,  &guards};
    }
    ~fake_host() { current() = nullptr; }
    fake_host(const fake_host&) = delete;
    fake_host& operator=(const fake_host&) = delete;

    worker here() { return worker{reinterpret_cast<weft_worker*>(this)}; }

    // ---- what the instance did ----
    std::deque<weft_stream> streams;  // stable addresses
    std::vector<weft_stream*> opened;
    std::vector<std::string> event_ids, event_texts;
    std::map<std::string, uint64_t> cells;
    int64_t buffers_alive = 0;
    bool out_of_memory = false;
    // Where log lines go. None are expected of a plugin: without this they fail the test.
    std::vector<std::string>* log_to = nullptr;

    // Guards: who it is, or nothing with a refusal. Answers wait until the test lets them come.
    struct asked {
        std::string guard, username, credentials, remote;
        bool has_username = false;
    };
    std::function<std::optional<identified>(const asked&, std::string& refusal)> guard_script;
    std::vector<asked> questions;
    std::map<uint64_t, std::unique_ptr<guard_session>> guard_sessions;

    void answer_guards() {
        for (auto& a : std::exchange(answers_, {})) {
            a.done(a.ctx, a.auth, a.auth ? nullptr : a.refusal.c_str());
            end_turn();
        }
    }
    // A session as a binding below would bring it, with one reference.
    uint64_t keep_session(const std::string& guard, const identified& who) {
        auto s = std::make_unique<guard_session>(guard, who);
        guard_sessions.emplace(++last_session_, std::move(s));
        return last_session_;
    }

    // ---- what the test does ----
    weft_stream* new_stream() { return &streams.emplace_back(); }

    // Delivers a frame and ends the turn.
    void deliver(weft_stream* s, const weft_frame& f) {
        if (s->closed) throw std::logic_error("frame on a closed stream");
        s->vt->on_frame(s->self, s, &f);
        end_turn();
    }
    void deliver_bytes(weft_stream* s, std::string_view bytes, const weft_meta* meta = nullptr,
                       uint16_t flags = WEFT_INIT | WEFT_FIN) {
        weft_slice slice{};
        uint8_t* to = alloc(nullptr, static_cast<uint32_t>(bytes.size() + 1), &slice);
        std::memcpy(to, bytes.data(), bytes.size());
        slice.len = static_cast<uint32_t>(bytes.size());
        const uint32_t reserved = slice.len + s->window_padding;
        s->received += reserved;
        if (s->received > s->window_limit)
            throw std::logic_error("the test sends more than it has credit for");
        const weft_data d{{sizeof d, WEFT_DATA, flags, 0, 0, meta},
                          0,
                          0,
                          reserved,
                          bytes.empty() ? 0u : 1u,
                          &slice};
        s->vt->on_frame(s->self, s, &d.h);
        release(&slice);
        end_turn();
    }
    void deliver_flush(weft_stream* s, const weft_meta* meta) {
        const weft_flush f{{sizeof f, WEFT_FLUSH, 0, 0, 0, meta}, 0, 0, 0, 0};
        deliver(s, f.h);
    }
    void deliver_begin(weft_stream* s, const weft_meta* meta) {
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, 0, meta}, 0, 0};
        deliver(s, b.h);
    }
    void deliver_bare(weft_stream* s, uint16_t kind, const weft_meta* meta = nullptr) {
        if (kind == WEFT_RESET) s->out_over = true;
        if (kind == WEFT_END || kind == WEFT_ABORT) s->in_over = true;
        deliver(s, {sizeof(weft_frame), kind, 0, 0, 0, meta});
    }
    // The instance may send `credit` more bytes on `s` from now on.
    void grant(weft_stream* s, uint32_t credit, uint32_t padding = 0) {
        s->credit += credit;
        s->padding = padding;
        const weft_window w{
            {sizeof w, WEFT_WINDOW, 0, 0, 0, nullptr}, 0, 0, s->credit, padding, 0, 0};
        deliver(s, w.h);
    }
    void end_turn() {
        while (!deferred_.empty()) {
            const auto calls = std::move(deferred_);
            deferred_.clear();
            for (const auto& [fn, ctx] : calls) fn(ctx);
        }
        for (auto& s : streams) {
            if (!s.vt || s.closed || !s.out_over || !s.in_over) continue;
            s.closed = true;
            s.vt->on_closed(s.self, &s);
        }
    }
    void advance_ms(uint64_t ms) {
        const uint64_t until = now_ns_ + ms * 1'000'000;
        for (;;) {
            auto next = timers_.end();
            for (auto it = timers_.begin(); it != timers_.end(); ++it)
                if (it->second.at <= until &&
                    (next == timers_.end() || it->second.at < next->second.at))
                    next = it;
            if (next == timers_.end()) break;
            const timer_entry t = next->second;
            timers_.erase(next);
            now_ns_ = std::max(now_ns_, t.at);
            t.fn(t.ctx);
            end_turn();
        }
        now_ns_ = until;
    }
    size_t timers() const { return timers_.size(); }

private:
    struct guard_answer {
        weft_guard_done done;
        void* ctx;
        uint64_t auth;
        std::string refusal;
    };
    struct timer_entry {
        uint64_t at;
        void (*fn)(void*);
        void* ctx;
    };

    static fake_host*& current() {
        static fake_host* h = nullptr;
        return h;
    }

    static std::vector<uint64_t> copy_meta(const weft_meta* m) {
        std::vector<uint64_t> v;
        if (!m) return v;
        v.resize(m->size / 8);
        std::memcpy(v.data(), m, m->size);
        return v;
    }

    static weft_stream* open(weft_worker*, uint64_t exit, const weft_begin* b,
                             const weft_endpoint_vt* vt, void* self) {
        weft_stream* s = current()->new_stream();
        s->vt = vt;
        s->self = self;
        s->exit = exit;
        s->begin_meta = copy_meta(b->h.meta);
        s->auth = b->h.auth;
        current()->opened.push_back(s);
        return s;
    }
    static void send(weft_stream* s, const weft_frame* f) {
        const bool about_incoming = f->kind == WEFT_RESET || f->kind == WEFT_WINDOW;
        if (about_incoming ? s->in_over : s->out_over) return;
        sent_frame r;
        r.kind = f->kind;
        r.flags = f->flags;
        r.meta = copy_meta(f->meta);
        if (f->kind == WEFT_DATA) {
            const auto& d = reinterpret_cast<const weft_data&>(*f);
            for (const auto& piece : slices(d)) r.payload += text_of(piece);
            r.reserved = d.reserved;
            if (d.reserved > s->credit) throw std::logic_error("DATA without credit");
            s->credit -= d.reserved;
        }
        if (f->kind == WEFT_WINDOW) {
            const auto& w = reinterpret_cast<const weft_window&>(*f);
            if (w.acknowledge + w.maximum < s->window_limit)
                throw std::logic_error("WINDOW goes down");
            s->window_limit = w.acknowledge + w.maximum;
            s->window_padding = w.padding;
        }
        if (f->kind == WEFT_END || f->kind == WEFT_ABORT) s->out_over = true;
        if (f->kind == WEFT_RESET) s->in_over = true;
        s->sent.push_back(std::move(r));
    }
    static uint32_t credit(const weft_stream* s) { return s->credit; }
    static uint64_t received(const weft_stream* s) { return s->received; }
    static uint32_t padding(const weft_stream* s) { return s->padding; }
    static const char* peer_name(const weft_stream*) { return "test:peer"; }

    static uint8_t* alloc(weft_worker*, uint32_t cap, weft_slice* out) {
        if (current()->out_of_memory) return nullptr;
        auto* b = new weft_buf{1, std::make_unique<uint8_t[]>(cap)};
        ++current()->buffers_alive;
        *out = {b, b->bytes.get(), cap, 0};
        return b->bytes.get();
    }
    static void retain(const weft_slice* s) { ++s->owner->count; }
    static void release(const weft_slice* s) {
        if (--s->owner->count != 0) return;
        delete s->owner;
        --current()->buffers_alive;
    }
    static void share(const weft_slice*) {}

    static uint64_t now(weft_worker*) { return current()->now_ns_; }
    static uint64_t wall_ms(weft_worker*) { return current()->now_ns_ / 1'000'000; }
    static uint64_t timer(weft_worker*, uint64_t at, void (*fn)(void*), void* ctx) {
        current()->timers_[++current()->timer_ids_] = {at, fn, ctx};
        return current()->timer_ids_;
    }
    static int32_t cancel(weft_worker*, uint64_t id) {
        current()->timers_.erase(id);
        return WEFT_OK;
    }
    static uint32_t index(weft_worker*) { return 0; }
    static void defer(weft_worker*, void (*fn)(void*), void* ctx) {
        current()->deferred_.emplace_back(fn, ctx);
    }

    static void verify_guard(weft_worker*, const char* guard, const weft_guard_request* q,
                             weft_guard_done done, void* ctx) {
        auto& h = *current();
        asked a{guard, q->username ? q->username : "", std::string(text_of(q->credentials)),
                q->remote ? q->remote : "", q->username != nullptr};
        std::string refusal = "There is no guard.";
        const auto who = h.guard_script ? h.guard_script(a, refusal) : std::nullopt;
        h.questions.push_back(std::move(a));
        uint64_t auth = 0;
        if (const auto before = h.guard_sessions.find(q->auth);
            who && before != h.guard_sessions.end() && before->second->same_rights(*who)) {
            auth = q->auth;
            const auto references = before->second->references + 1;
            before->second = std::make_unique<guard_session>(guard, *who);
            before->second->references = references;
        } else if (who) {
            auth = h.keep_session(guard, *who);
        }
        h.answers_.push_back({done, ctx, auth, refusal});
    }
    static void retain_session(weft_worker*, uint64_t auth) {
        if (const auto it = current()->guard_sessions.find(auth);
            it != current()->guard_sessions.end())
            ++it->second->references;
    }
    static void let_session(weft_worker*, uint64_t auth) {
        auto& all = current()->guard_sessions;
        const auto it = all.find(auth);
        if (it != all.end() && --it->second->references == 0) all.erase(it);
    }
    static const weft_guard_session* session_at(weft_worker*, uint64_t auth) {
        const auto it = current()->guard_sessions.find(auth);
        return it == current()->guard_sessions.end() ? nullptr : it->second->view.get();
    }

    static void emit(weft_worker*, uint32_t, uint64_t, const char* id, const char* text) {
        current()->event_ids.push_back(id);
        current()->event_texts.push_back(text);
    }
    static void ready(weft_worker*, int32_t, const char*) {}
    static uint64_t* cell(weft_worker*, const char* name, uint32_t) {
        return &current()->cells[name];
    }
    static void log_line(weft_host*, uint32_t, const char* text) {
        if (!current()->log_to) throw std::logic_error(text);
        current()->log_to->push_back(text);
    }

    std::vector<guard_answer> answers_;
    uint64_t last_session_ = 0;
    std::map<uint64_t, timer_entry> timers_;
    std::vector<std::pair<void (*)(void*), void*>> deferred_;
    uint64_t now_ns_ = 1'000'000'000'000, timer_ids_ = 0;
};

}  // namespace weft::testing
