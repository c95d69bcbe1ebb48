// The engine of the test kit: turns, streams, time and everything else behind the C host table, on
// the test's own thread. Tests use <weft/testing.hpp>; this is what lies below it.
//
// A turn begins with a call of the test. Frames going onwards are plain calls; what meets a busy
// instance waits in its inbox. Before the call returns, inboxes are drained, then deferred calls,
// then merged WINDOWs, then posts and tasks, in waves until nothing is left.
#pragma once

#include <weft/abi.h>
#include <weft/testing/buffers.hpp>
#include <weft/testing/frame.hpp>

#include <atomic>
#include <deque>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <thread>

namespace weft::testing {

// An event that the binding emitted, or a line that it logged.
struct event {
    uint32_t level = 0;  // enum weft_level
    uint64_t trace_id = 0;
    std::string id;  // empty for log lines
    std::string text;
};

// Where the work of weft.tasks/1 is done.
enum class task_mode {
    at_turn_end,  // on the test's thread, as soon as the binding has returned
    when_told,    // on the test's thread, when host::run_tasks is called
    on_threads    // on a thread of its own; wait for `done` with host::wait_for
};

namespace detail {

class core;
struct stream_end;

// A copy of a frame that waits, with references to its slices.
struct held_frame {
    std::vector<uint64_t> words, meta;
    std::vector<weft_slice> slices;
    weft_frame* get() { return reinterpret_cast<weft_frame*>(words.data()); }
};

struct inbox_item {
    enum class type : uint8_t { frame, accept, closed };
    stream_end* end = nullptr;
    type what = type::frame;
    held_frame frame;
};

// One instance: what a weft_worker handle points to.
struct worker_state {
    core* of = nullptr;
    std::string name;    // "namespace:binding"
    uint32_t index = 0;  // of the worker
    uint64_t id = 0;     // of the binding
    std::function<int32_t(weft_stream*, const weft_begin*, const weft_endpoint_vt**, void**)>
        accept;
    std::set<uint32_t> emits;  // metadata types; empty: any

    uint32_t busy = 0;
    bool runnable = false, attached = false, accepts_posts = false, is_test = false;
    std::deque<inbox_item> inbox;
    size_t streams = 0, tasks = 0;
    std::map<std::string, std::unique_ptr<uint64_t>> metrics;
    bool ready = true;
    std::string waits_for;

    weft_worker* handle() { return reinterpret_cast<weft_worker*>(this); }
    static worker_state* of_handle(weft_worker* w) { return reinterpret_cast<worker_state*>(w); }
};

enum class direction : uint8_t { idle, open, ended, stopped };  // ended by its sender, else stopped
inline bool over(direction d) {
    return d == direction::ended || d == direction::stopped;
}

// One endpoint's side of a stream: what a weft_stream handle points to. Kept until the host goes,
// so that a handle used too late is recognised.
struct stream_end {
    worker_state* owner = nullptr;
    stream_end* peer = nullptr;
    const weft_endpoint_vt* vt = nullptr;
    void* self = nullptr;
    uint64_t sent = 0, acknowledged = 0, delivered = 0, budget = 0, auth = 0;
    uint32_t maximum = 0, padding = 0, minimum = 0;
    direction out = direction::idle, in = direction::idle;
    bool in_message = false;  // a message of ours is not finished yet
    bool window_dirty = false, closing = false, closed = false;

    weft_stream* handle() { return reinterpret_cast<weft_stream*>(this); }
    static stream_end* of_handle(const weft_stream* s) {
        return reinterpret_cast<stream_end*>(const_cast<weft_stream*>(s));
    }
    uint32_t credit() const {
        const uint64_t limit = acknowledged + maximum;
        return limit > sent ? static_cast<uint32_t>(limit - sent) : 0;
    }
    bool is_over() const { return over(out) && over(in); }
};

struct timer_entry {
    uint64_t at;
    worker_state* owner;
    void (*fn)(void*);
    void* ctx;
};
struct watch_entry {
    int fd;
    uint32_t events;
    worker_state* owner;
    void (*fn)(void*, uint32_t);
    void* ctx;
};
struct lease_entry {
    int fd;
    worker_state* owner;
    std::string address;
};
struct socket_entry {
    int fd;
    uint16_t port;
    std::string binding;
};
struct task_entry {
    worker_state* owner;
    void (*work)(void*);
    void (*done)(void*);
    void* ctx;
};
struct shared_entry {
    uint32_t version = 0;
    void* object = nullptr;
    std::map<const void*, void (*)(void*)> destroy;  // by plugin
    size_t references = 0;
};

class entities;

class core {
public:
    static constexpr uint32_t depth_max = 32;            // calls into instances, as in the runtime
    static constexpr size_t turn_steps_max = 1'000'000;  // of one turn, before it counts as endless

    core();
    ~core();
    core(const core&) = delete;
    core& operator=(const core&) = delete;

    reporter report;
    buffer_book buffers;
    worker_state test;  // owns the ends that the test plays

    // ---- settings ----
    std::set<std::string> without;  // services that the host lacks
    bool queue_everything = false;  // no frame is delivered by a plain call
    bool refuse_watches = false, refuse_posts = false;
    std::string refuse_leases;  // the reason; empty: granted
    bool error_logs_fail = true;
    task_mode tasks_run = task_mode::at_turn_end;
    uint64_t call_ns_max = 0;  // longest that a call may hold its worker; 0: not measured
    std::function<worker_state*(uint64_t exit, uint32_t index)> find_binding;
    // The test takes a stream to exit `exit`; false refuses it.
    std::function<bool(stream_end*, uint64_t exit, const weft_begin&)> accept_by_test;

    entities* services = nullptr;  // vaults and guards: entities.hpp
    uint64_t creating = 0;         // the binding whose create runs; it is charged with watches
    std::function<void(uint64_t binding)> forget_watches;

    // ---- what the binding did ----
    std::vector<event> events, logs;

    // ---- turns (core_turn.hpp) ----
    // While one lives, what is wrong is collected and not told: a step that must be finished is.
    struct quietly {
        explicit quietly(core& c) : of(c) { ++of.held_; }
        ~quietly() { --of.held_; }
        quietly(const quietly&) = delete;
        quietly& operator=(const quietly&) = delete;
        core& of;
    };
    void raise();  // tells it, unless it is held
    template <class F>
    void act(F&& f);
    template <class F>
    void enter(worker_state* w, F&& f);
    bool on_own_thread() const { return std::this_thread::get_id() == thread_; }
    // A [worker] function was called: on the right thread, through a live handle?
    bool check_call(worker_state* w, const char* function);

    // ---- streams (core_streams.hpp) ----
    weft_stream* open(worker_state* opener, uint64_t exit, const weft_begin* b,
                      const weft_endpoint_vt* vt, void* self);
    void send(stream_end* s, const weft_frame* f);
    bool check_stream(const stream_end* s, const char* function);
    void force_close(worker_state* w);  // every stream that w takes part in
    size_t forget(worker_state* w);     // w goes; how many streams it still had

    // ---- time, descriptors, posts, tasks (core_reactor.hpp) ----
    uint64_t now() const { return now_; }
    uint64_t wall_ms() const { return wall_start_ms + now_ / 1'000'000; }
    uint64_t add_timer(worker_state* w, uint64_t at, void (*fn)(void*), void* ctx);
    uint64_t add_watch(worker_state* w, int fd, uint32_t ev, void (*fn)(void*, uint32_t), void* c);
    int32_t modify_watch(uint64_t id, uint32_t ev);
    void cancel(uint64_t id);
    void defer(worker_state* w, void (*fn)(void*), void* ctx);
    int32_t post(worker_state* w, void (*fn)(void*), void* ctx);
    int32_t run_task(worker_state* w, void (*work)(void*), void (*done)(void*), void* ctx);
    size_t run_tasks();
    void advance(uint64_t ns);
    bool poll_once(int timeout_ms);
    bool wait_for(const std::function<bool()>& done, int limit_ms);
    size_t timers(const worker_state* w = nullptr) const;
    size_t watches(const worker_state* w = nullptr) const;
    size_t pending_tasks() const { return tasks_.size(); }
    void detach(worker_state* w, const std::function<void()>& f);

    // ---- the other services (core_services.hpp) ----
    uint64_t lease(worker_state* w, const char* host, uint16_t port, int* fd, weft_error* e);
    void release_lease(worker_state* w, uint64_t id);
    uint16_t listening_port(uint16_t asked) const;
    std::vector<uint16_t> listening_ports() const;
    void* acquire(const void* plugin, const char* key, uint32_t version, void* (*make)(void*),
                  void* ctx, void (*destroy)(void*));
    void release_shared(const void* plugin, const char* key);
    void emit(worker_state* w, uint32_t level, uint64_t trace, const char* id, const char* text);
    void ready(worker_state* w, bool is_ready, const char* what);
    void log(const std::string& plugin, uint32_t level, const char* text);
    uint64_t* cell(worker_state* w, const char* name);
    uint32_t intern(const char* name);
    void report_leaks();
    void join_threads();

private:
    static constexpr uint64_t wall_start_ms = 1'700'000'000'000;

    struct deferred {
        worker_state* w;
        void (*fn)(void*);
        void* ctx;
    };
    struct posted {
        worker_state* w;
        std::function<void()> fn;
    };

    template <class F>
    void timed(worker_state* w, F&& f);
    void settle();
    bool spend();
    bool drain_inboxes();
    bool drain_deferred();
    bool drain_windows();
    bool run_posts();

    bool must_queue(const worker_state* w) const {
        return queue_everything || w->busy != 0 || !w->inbox.empty() || depth_ >= depth_max;
    }
    void make_runnable(worker_state* w);
    held_frame hold(const weft_frame& f);
    void drop(held_frame& f);
    void enqueue(stream_end* s, inbox_item::type what, const weft_frame* f);
    void handle(inbox_item& item);
    void deliver(stream_end* s, const weft_frame* f);
    void dispatch(stream_end* s, const weft_frame* f);
    void call_accept(stream_end* s, const weft_begin* b, uint64_t exit);
    void refuse(stream_end* near);
    void after_end(stream_end* s);
    void close_pair(stream_end* s);
    void fault(stream_end* s, const char* rule, const std::string& text);
    bool check_meta(stream_end* s, const weft_frame* f);
    bool check_message(stream_end* s, const weft_data& d);
    void send_data(stream_end* s, const weft_frame* f);
    void send_window(stream_end* s, const weft_window& w);
    void post_plain(worker_state* w, std::function<void()> f);
    void wake();

    const std::thread::id thread_ = std::this_thread::get_id();
    bool in_turn_ = false, timing_ = false;
    uint32_t depth_ = 0, held_ = 0;
    size_t steps_ = 0;
    uint64_t trace_ = 0, now_ = 1'000'000'000'000, ids_ = 0;
    std::exception_ptr script_error_;  // thrown by the test's own scripts

    std::deque<stream_end> ends_;  // stable addresses
    std::deque<worker_state*> runnable_;
    std::vector<stream_end*> dirty_;
    std::vector<deferred> deferred_;
    std::map<uint64_t, timer_entry> timers_;
    std::map<uint64_t, watch_entry> watches_;
    std::map<uint64_t, lease_entry> leases_;
    std::map<std::string, socket_entry> sockets_;  // by address as asked for
    std::map<std::string, uint16_t> ports_;        // that were ever listened on
    std::deque<task_entry> tasks_;
    std::map<uint32_t, std::string> names_;

    mutable std::mutex mutex_;  // for what any thread may touch: posts, shared objects, events
    std::vector<posted> posts_;
    std::map<std::string, shared_entry> shared_;
    std::list<std::thread> task_threads_;
    int wake_fd_ = -1;
};

}  // namespace detail
}  // namespace weft::testing

#include <weft/testing/core_reactor.hpp>
#include <weft/testing/core_services.hpp>
#include <weft/testing/core_streams.hpp>
#include <weft/testing/core_turn.hpp>
