// One worker: a thread, an Asio loop, its buffers, timers and descriptors, and the turn that moves
// frames between instances.
//
// A turn begins with an event (descriptor, timer, post), which enters one instance. Frames going
// onwards are plain calls; what meets a busy instance waits in that instance's inbox. Before the
// loop waits again it drains inboxes, then deferred calls, then merged WINDOWs, in waves until
// nothing is left.
#pragma once

#include "buffer/pool.hpp"
#include "stream/stream.hpp"
#include "worker/handles.hpp"
#include "worker/instance.hpp"

#include <weft/slab.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace weft {

// What a loop asks of the engine.
class loop_host {
public:
    virtual ~loop_host() = default;
    virtual void violation(weft_worker* culprit,
                           const std::string& text) = 0;  // a plugin broke the contract
    virtual void at_rest(weft_worker* w) = 0;  // a retiring instance has nothing left; [worker]
};

class loop {
public:
    static constexpr uint32_t call_depth_max = 32;
    static constexpr uint32_t turn_frames_max =
        1024;  // queued frames handled before the reactor is looked at again

    loop(uint32_t index, loop_host& host);
    ~loop();
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    void start();
    void stop();  // after the last instance is detached; joins the thread

    uint32_t index() const { return index_; }
    uint64_t now() const { return now_; }
    buffer_pool& buffers() { return buffers_; }

    // Where streams to an exit go from now on; null: nowhere. [worker]
    void set_exit(uint64_t exit_id, weft_worker* target);

    // Streams. [worker]
    weft_stream* open(weft_worker* opener, uint64_t exit_id, const weft_begin* b,
                      const weft_endpoint_vt* vt, void* self);
    void send(weft_stream* s, const weft_frame* f);
    // Ends every stream, telling both ends: for the end of the process.
    void close_all();
    // Ends every stream of an instance, telling both ends.
    void close_streams_of(const weft_worker* w);
    uint64_t stream_count() const {
        return stream_count_.load(std::memory_order_relaxed);
    }  // [any]

    // Reactor. [worker]
    uint64_t add_timer(weft_worker* w, uint64_t at_ns, void (*fn)(void*), void* ctx);
    uint64_t add_watch(weft_worker* w, int fd, uint32_t events, void (*fn)(void*, uint32_t),
                       void* ctx);
    int32_t modify_watch(uint64_t id, uint32_t events);
    void cancel(uint64_t id);
    // Takes away what an instance has left behind; the number of timers and watches.
    uint64_t cancel_all_of(const weft_worker* w);
    // Something that an instance is waited for is gone.
    void look_at_rest(weft_worker* w) {
        if (w->retiring && w->at_rest()) host_.at_rest(w);
    }
    void defer(weft_worker* w, void (*fn)(void*), void* ctx) { deferred_.push_back({w, fn, ctx}); }

    // [any] Runs fn(ctx) as a call into w; false once w no longer takes posts.
    bool post(weft_worker* w, void (*fn)(void*), void* ctx);
    // [any] Takes no more posts for w; those accepted so far run before whatever is posted from now
    // on.
    void close_posts(weft_worker* w);
    // [any] Runs f on the loop's thread, outside of any instance.
    void run_on(std::function<void()> f);
    // [control] As run_on, and waits until it is done.
    void call(const std::function<void()>& f);

    // What the loop's thread is inside of, for those who watch over it. [any]
    struct whereabouts {
        uint64_t entries;            // calls into instances so far
        const weft_worker* current;  // the innermost, or null
    };
    whereabouts look() const {
        return {entries_.load(std::memory_order_relaxed), current_.load(std::memory_order_acquire)};
    }

    // Calls f inside instance w: marks it busy, and leaves its inbox runnable afterwards. False
    // when an exception came out of it.
    template <class F>
    bool enter(weft_worker* w, F&& f) {
        bool whole = false;
        ++w->busy;
        ++depth_;
        const weft_worker* const caller = current_.load(std::memory_order_relaxed);
        current_.store(w, std::memory_order_release);  // who looks may read what it is
        entries_.store(entries_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        try {
            f();
            whole = true;
        } catch (const std::exception& e) {
            host_.violation(w, std::string("an exception crossed the ABI: ") + e.what());
        } catch (...) {
            host_.violation(w, "an unknown exception crossed the ABI");
        }
        current_.store(caller, std::memory_order_release);
        --depth_;
        if (--w->busy == 0 && w->inbox_head && !w->runnable) make_runnable(w);
        return whole;
    }

private:
    struct posted {
        weft_worker* w;
        void (*fn)(void*);
        void* ctx;
        std::function<void()> plain;
    };
    struct deferred {
        weft_worker* w;
        void (*fn)(void*);
        void* ctx;
    };

    template <class F>
    void turn(F&& f);
    void drain();
    bool drain_inboxes(uint32_t& budget);
    bool drain_deferred();
    bool drain_windows();
    void make_runnable(weft_worker* w);

    bool must_queue(const weft_worker* w) const {
        return w->busy != 0 || w->inbox_head != nullptr || depth_ >= call_depth_max;
    }
    void enqueue(weft_stream* end, inbox_item::type what, const weft_frame* f);
    void handle(inbox_item* item);
    void close(weft_stream* end);
    void deliver(weft_stream* end, const weft_frame* f);
    void dispatch(weft_stream* end, const weft_frame* f);
    void call_accept(weft_stream* end, const weft_begin* b);
    void refuse(weft_stream* opener);
    void after_end(weft_stream* s);
    void free_if_closed(weft_stream* end);
    void mark_dirty(weft_stream* s);
    void extend_window(weft_stream* s, const window_extension& by);
    void break_stream(weft_stream* culprit, const char* text);
    void force_close(stream_pair* p);

    void send_data(weft_stream* s, const weft_frame* f);
    void send_window(weft_stream* s, const weft_window* w);

    void arm_epoll();
    void on_epoll();
    void arm_timer();
    void run_timers();
    void run_posts();
    void wake_posts();

    const uint32_t index_;
    loop_host& host_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    boost::asio::posix::stream_descriptor epoll_;
    boost::asio::steady_timer timer_;
    uint64_t timer_armed_at_ = 0;
    std::thread thread_;
    buffer_pool buffers_;
    handle_table handles_;

    uint64_t now_ = 0;
    uint64_t trace_ = 0;
    uint64_t next_trace_ = 0;
    uint32_t depth_ = 0;
    bool in_turn_ = false;

    std::vector<weft_worker*> exits_;  // by exit id
    std::atomic<const weft_worker*> current_{nullptr};
    std::atomic<uint64_t> entries_{0};

    std::deque<weft_worker*> runnable_;
    std::vector<deferred> deferred_, deferring_;
    std::vector<weft_stream*> dirty_, telling_;  // whose credit has changed
    slab<stream_pair> streams_;
    std::unordered_map<const weft_stream*, window_extension> extensions_;
    std::atomic<uint64_t> stream_count_{0};

    std::mutex posts_mutex_;
    std::vector<posted> posts_;
};

}  // namespace weft
