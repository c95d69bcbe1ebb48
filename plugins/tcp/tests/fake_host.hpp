// fake_host: the host's services for one instance under test. Descriptors are real and watched with
// poll; streams are played by the test; the clock stands still until moved; tasks run when the test
// says so. Credit, finished directions and the order of a turn (frames, deferred calls, on_closed)
// are as in the host.
#pragma once

#include <weft/guard.hpp>
#include <weft/meta.hpp>
#include <weft/worker.hpp>

#include <poll.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct weft_buf {
    uint32_t count = 1;
    std::unique_ptr<uint8_t[]> bytes;
    void (*release)(void*) = nullptr;  // of wrapped memory
    void* ctx = nullptr;
};

struct weft_stream {
    const weft_endpoint_vt* vt = nullptr;
    void* self = nullptr;
    uint64_t exit = 0, auth = 0;
    // Sent by the instance:
    std::string data, text;       // text of tcp.reset
    std::vector<uint16_t> kinds;  // in order; DATA and WINDOW left out
    std::string begin_local, begin_remote;
    size_t largest_data = 0;
    uint64_t acknowledged = 0, window_limit = 0;
    int32_t error = 0;
    // Of the instance's sending and receiving:
    uint32_t credit = 0;
    uint64_t received = 0;
    bool out_over = false, in_over = false, closed = false;
};

namespace weft::tcp {

class fake_host {
public:
    fake_host() {
        current() = this;
        static const weft_streams_vt streams_table{
            sizeof streams_table, 0, open, send, credit, received, padding, peer_name};
        static const weft_buffers_vt buffers{sizeof buffers, 0,       alloc,  wrap,
                                             retain,         release, nullptr};
        static const weft_listeners_vt listeners{sizeof listeners, 0, lease, give_back};
        static const weft_shared_vt shared{sizeof shared, 0, shared_acquire, shared_release};
        static const weft_reactor_vt reactor{sizeof reactor, 0,      now,     nullptr, timer, watch,
                                             modify,         cancel, nullptr, index,   defer};
        static const weft_events_vt events{sizeof events, 0, emit, nullptr};
        static const weft_tasks_vt tasks{sizeof tasks, 0, run_task};
        static const weft_guards_vt guards{sizeof guards,   0,      ask, retain_session,
                                           release_session, session};
        static const weft_host_vt host{sizeof host, WEFT_ABI_MAJOR, WEFT_ABI_MINOR, 0,
                                       nullptr,     nullptr,        log_line};
        services = {nullptr, &host,   &streams_table, &buffers, &reactor, &listeners,
                    &tasks,  &events, nullptr,        &shared,  nullptr,  &guards};
    }
    ~fake_host() {
        current() = nullptr;
        services = {};
    }
    fake_host(const fake_host&) = delete;
    fake_host& operator=(const fake_host&) = delete;

    worker here() { return worker{reinterpret_cast<weft_worker*>(this)}; }

    std::deque<weft_stream> streams;  // stable addresses
    std::vector<std::string> emitted;
    int buffers_alive = 0;
    bool out_of_memory = false;
    bool no_watches = false;
    int listening = -1;  // the descriptor that a lease gives
    int leases = 0;

    // Questions to guards: who is asked about.
    std::vector<std::string> asked;
    // The next answer to the oldest of them: it is `who`, or nobody.
    void answer(const char* who) {
        const auto q = questions_.front();
        questions_.pop_front();
        uint64_t auth = 0;
        if (who) {
            sessions_.push_back(std::make_unique<known>(who));
            auth = sessions_.size();
        }
        q.done(q.ctx, auth, who ? nullptr : "It is not known.");
        end_turn();
    }
    size_t sessions() const {
        return static_cast<size_t>(std::count_if(sessions_.begin(), sessions_.end(),
                                                 [](const auto& s) { return s->references > 0; }));
    }

    weft_stream* new_stream() { return &streams.emplace_back(); }
    size_t watches() const { return watches_.size(); }
    size_t timers() const { return timers_.size(); }
    size_t tasks() const { return tasks_.size(); }
    uint64_t now_ns() const { return now_ns_; }

    void frame(weft_stream* s, uint16_t kind) {
        if (kind == WEFT_RESET) s->out_over = true;
        if (kind == WEFT_END || kind == WEFT_ABORT) s->in_over = true;
        const weft_frame f{sizeof f, kind, 0, 0, 0, nullptr};
        s->vt->on_frame(s->self, s, &f);
        end_turn();
    }
    void begin(weft_stream* s) {
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, 0, nullptr}, 0, 0};
        s->vt->on_frame(s->self, s, &b.h);
        end_turn();
    }
    // Several pieces of DATA within one turn.
    void data(weft_stream* s, const std::vector<std::string>& pieces) {
        for (const auto& bytes : pieces) {
            weft_slice slice{};
            uint8_t* to = alloc(nullptr, static_cast<uint32_t>(bytes.size()), &slice);
            std::memcpy(to, bytes.data(), bytes.size());
            s->received += slice.len;
            if (s->received > s->window_limit)
                throw std::logic_error("the test sends more than it has credit for");
            const weft_data d{{sizeof d, WEFT_DATA, WEFT_INIT | WEFT_FIN, 0, 0, nullptr},
                              0,
                              0,
                              slice.len,
                              1,
                              &slice};
            s->vt->on_frame(s->self, s, &d.h);
            release(&slice);
        }
        end_turn();
    }
    void grant(weft_stream* s, uint32_t more) {
        s->credit += more;
        const weft_window w{{sizeof w, WEFT_WINDOW, 0, 0, 0, nullptr}, 0, 0, s->credit, 0, 0, 0};
        s->vt->on_frame(s->self, s, &w.h);
        end_turn();
    }

    // One look at the descriptors; false when none was ready within the time.
    bool poll_once(int timeout_ms) {
        std::vector<pollfd> fds;
        std::vector<uint64_t> ids;
        for (const auto& [id, w] : watches_) {
            short events = 0;
            if (w.events & WEFT_READABLE) events |= POLLIN;
            if (w.events & WEFT_WRITABLE) events |= POLLOUT;
            fds.push_back({w.fd, events, 0});
            ids.push_back(id);
        }
        if (poll(fds.data(), fds.size(), timeout_ms) <= 0) return false;
        for (size_t i = 0; i < fds.size(); ++i) {
            const auto it = watches_.find(ids[i]);
            if (fds[i].revents == 0 || it == watches_.end()) continue;
            uint32_t events = 0;
            if (fds[i].revents & POLLIN) events |= WEFT_READABLE;
            if (fds[i].revents & POLLOUT) events |= WEFT_WRITABLE;
            if (fds[i].revents & (POLLHUP | POLLERR)) events |= WEFT_HANGUP;
            const auto w = it->second;
            w.fn(w.ctx, events);
        }
        end_turn();
        return true;
    }
    // Until it is true; the sockets are local, so the time limit is for failures only.
    bool pump(const std::function<bool()>& done) {
        for (int i = 0; i < 500; ++i) {
            if (done()) return true;
            poll_once(10);
        }
        return false;
    }
    void advance_ms(uint64_t ms) {
        now_ns_ += ms * 1'000'000;
        for (bool again = true; again;) {
            again = false;
            for (const auto& [id, t] : timers_) {
                if (t.at > now_ns_) continue;
                const auto due = t;
                timers_.erase(id);
                due.fn(due.ctx);
                end_turn();
                again = true;
                break;
            }
        }
    }
    void run_tasks() {
        const auto all = std::move(tasks_);
        tasks_.clear();
        for (const auto& t : all) {
            t.work(t.ctx);
            t.done(t.ctx);
            end_turn();
        }
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

private:
    struct watch_entry {
        int fd;
        uint32_t events;
        void (*fn)(void*, uint32_t);
        void* ctx;
    };
    struct timer_entry {
        uint64_t at;
        void (*fn)(void*);
        void* ctx;
    };
    struct question {
        weft_guard_done done;
        void* ctx;
    };
    struct known {
        explicit known(const char* name) : who{name, "", {}, {}}, view(who, "test:g") {}
        identified who;
        identified_view view;
        int references = 1;
    };
    struct shared_entry {
        void* object = nullptr;
        void (*destroy)(void*) = nullptr;
        int references = 0;
    };
    struct task_entry {
        void (*work)(void*);
        void (*done)(void*);
        void* ctx;
    };

    static fake_host*& current() {
        static fake_host* h = nullptr;
        return h;
    }

    static weft_stream* open(weft_worker*, uint64_t exit, const weft_begin* b,
                             const weft_endpoint_vt* vt, void* self) {
        weft_stream* s = current()->new_stream();
        *s = {};
        s->vt = vt;
        s->self = self;
        s->exit = exit;
        s->auth = b->h.auth;
        note_begin(s, b->h.meta);
        return s;
    }
    static void note_begin(weft_stream* s, const weft_meta* m) {
        const meta_view<weft_tcp_begin> v(m);
        if (!v) return;
        s->begin_local = std::string(v.text(v->local_host)) + ' ' + std::to_string(v->local_port);
        s->begin_remote =
            std::string(v.text(v->remote_host)) + ' ' + std::to_string(v->remote_port);
    }
    static void send(weft_stream* s, const weft_frame* f) {
        if ((f->kind & 0x40) ? s->in_over : s->out_over) return;
        if (f->kind == WEFT_DATA) {
            const auto& d = reinterpret_cast<const weft_data&>(*f);
            if (d.reserved > s->credit) throw std::logic_error("DATA without credit");
            s->credit -= d.reserved;
            s->largest_data = std::max<size_t>(s->largest_data, d.reserved);
            for (const auto& piece : slices(d)) s->data += text_of(piece);
            return;
        }
        if (f->kind == WEFT_WINDOW) {
            const auto& w = reinterpret_cast<const weft_window&>(*f);
            if (w.acknowledge + w.maximum < s->window_limit)
                throw std::logic_error("WINDOW goes down");
            s->acknowledged = w.acknowledge;
            s->window_limit = w.acknowledge + w.maximum;
            return;
        }
        if (f->kind == WEFT_BEGIN) note_begin(s, f->meta);
        if (const meta_view<weft_tcp_reset> why(f->meta); why) {
            s->error = why->error;
            s->text = why.text(why->text);
        }
        s->kinds.push_back(f->kind);
        if (f->kind == WEFT_END || f->kind == WEFT_ABORT) s->out_over = true;
        if (f->kind == WEFT_RESET) s->in_over = true;
    }
    static uint32_t credit(const weft_stream* s) { return s->out_over ? 0 : s->credit; }
    static uint64_t received(const weft_stream* s) { return s->received; }
    static uint32_t padding(const weft_stream*) { return 0; }
    static const char* peer_name(const weft_stream*) { return "test:peer"; }

    static uint8_t* alloc(weft_worker*, uint32_t cap, weft_slice* out) {
        if (current()->out_of_memory) return nullptr;
        auto* b = new weft_buf{1, std::make_unique<uint8_t[]>(cap), nullptr, nullptr};
        ++current()->buffers_alive;
        *out = {b, b->bytes.get(), cap, 0};
        return b->bytes.get();
    }
    static int32_t wrap(weft_worker*, const void* p, uint32_t n, void (*rel)(void*), void* ctx,
                        weft_slice* out) {
        auto* b = new weft_buf{1, nullptr, rel, ctx};
        ++current()->buffers_alive;
        *out = {b, static_cast<const uint8_t*>(p), n, 0};
        return WEFT_OK;
    }
    static uint64_t lease(weft_worker*, const char*, uint16_t, int32_t, int* fd, weft_error*) {
        *fd = current()->listening;
        ++current()->leases;
        return 1;
    }
    static void give_back(weft_worker*, uint64_t) { --current()->leases; }

    static void* shared_acquire(weft_host*, const char* key, uint32_t, void* (*make)(void*),
                                void* ctx, void (*destroy)(void*)) {
        shared_entry& e = current()->shared_[key];
        if (e.references++ == 0) e.object = make(ctx);
        e.destroy = destroy;
        return e.object;
    }
    static void shared_release(weft_host*, const char* key) {
        const auto it = current()->shared_.find(key);
        if (--it->second.references != 0) return;
        it->second.destroy(it->second.object);
        current()->shared_.erase(it);
    }

    static void retain(const weft_slice* s) { ++s->owner->count; }
    static void release(const weft_slice* s) {
        if (--s->owner->count != 0) return;
        if (s->owner->release) s->owner->release(s->owner->ctx);
        delete s->owner;
        --current()->buffers_alive;
    }

    static uint64_t now(weft_worker*) { return current()->now_ns_; }
    static uint64_t timer(weft_worker*, uint64_t at, void (*fn)(void*), void* ctx) {
        current()->timers_[++current()->ids_] = {at, fn, ctx};
        return current()->ids_;
    }
    static uint64_t watch(weft_worker*, int fd, uint32_t events, void (*fn)(void*, uint32_t),
                          void* ctx) {
        if (current()->no_watches) return 0;
        current()->watches_[++current()->ids_] = {fd, events, fn, ctx};
        return current()->ids_;
    }
    static int32_t modify(weft_worker*, uint64_t id, uint32_t events) {
        const auto it = current()->watches_.find(id);
        if (it == current()->watches_.end()) return WEFT_E_INVALID;
        it->second.events = events;
        return WEFT_OK;
    }
    static int32_t cancel(weft_worker*, uint64_t id) {
        current()->timers_.erase(id);
        current()->watches_.erase(id);
        return WEFT_OK;
    }
    static uint32_t index(weft_worker*) { return 0; }
    static void defer(weft_worker*, void (*fn)(void*), void* ctx) {
        current()->deferred_.emplace_back(fn, ctx);
    }
    static int32_t run_task(weft_worker*, void (*work)(void*), void (*done)(void*), void* ctx) {
        current()->tasks_.push_back({work, done, ctx});
        return WEFT_OK;
    }
    static void ask(weft_worker*, const char*, const weft_guard_request* q, weft_guard_done done,
                    void* ctx) {
        current()->asked.emplace_back(text_of(q->credentials));
        current()->questions_.push_back({done, ctx});
    }
    static known& session_at(uint64_t auth) { return *current()->sessions_.at(auth - 1); }
    static void retain_session(weft_worker*, uint64_t auth) { ++session_at(auth).references; }
    static void release_session(weft_worker*, uint64_t auth) { --session_at(auth).references; }
    static const weft_guard_session* session(weft_worker*, uint64_t auth) {
        return session_at(auth).view.get();
    }
    static void emit(weft_worker*, uint32_t, uint64_t, const char* id, const char* text) {
        current()->emitted.push_back(std::string(id) + ": " + text);
    }
    static void log_line(weft_host*, uint32_t, const char* text) { throw std::logic_error(text); }

    std::map<std::string, shared_entry> shared_;
    std::map<uint64_t, timer_entry> timers_;
    std::map<uint64_t, watch_entry> watches_;
    std::vector<task_entry> tasks_;
    std::deque<question> questions_;
    std::vector<std::unique_ptr<known>> sessions_;
    std::vector<std::pair<void (*)(void*), void*>> deferred_;
    uint64_t now_ns_ = 1'000'000'000, ids_ = 0;
};

}  // namespace weft::tcp
