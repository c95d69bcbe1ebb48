// Turns of the test kit's engine; included by core.hpp.
#pragma once

#include <weft/testing/core.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace weft::testing::detail {

inline core::core()
    : buffers(report, [this](std::function<void()> f) { post_plain(nullptr, std::move(f)); }),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    test.of = this;
    test.name = "test";
    test.is_test = test.attached = test.accepts_posts = true;
}

inline core::~core() {
    join_threads();
    for (const auto& [address, s] : sockets_) ::close(s.fd);
    for (const auto& [id, l] : leases_) ::close(l.fd);
    if (wake_fd_ >= 0) ::close(wake_fd_);
}

// Runs f as a turn, or as a part of the turn that is going on.
template <class F>
void core::act(F&& f) {
    if (in_turn_) return f();
    in_turn_ = true;
    ++trace_;
    steps_ = 0;
    try {
        f();
    } catch (...) {
        in_turn_ = false;
        throw;
    }
    settle();
    in_turn_ = false;
    raise();
}

// Calls f inside of instance w. Exceptions of the test's own scripts are kept for the end of the
// turn: the frames of a plugin that lie between know nothing of them.
template <class F>
void core::enter(worker_state* w, F&& f) {
    ++w->busy;
    ++depth_;
    try {
        timed(w, f);
    } catch (const std::exception& e) {
        if (!w->is_test)
            report.add("exception", w->name,
                       std::string("an exception crossed the ABI: ") + e.what());
        else if (!script_error_)
            script_error_ = std::current_exception();
    } catch (...) {
        if (!w->is_test)
            report.add("exception", w->name, "an unknown exception crossed the ABI");
        else if (!script_error_)
            script_error_ = std::current_exception();
    }
    --depth_;
    if (--w->busy == 0 && !w->inbox.empty() && !w->runnable) make_runnable(w);
}

// Nanoseconds that this thread has run, and that it was ready and the machine busy with others.
struct thread_times {
    uint64_t wall = 0, ran = 0, queued = 0;

    static thread_times now() {
        thread_times t;
        timespec w{};
        ::clock_gettime(CLOCK_MONOTONIC, &w);
        t.wall = static_cast<uint64_t>(w.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(w.tv_nsec);
        if (std::FILE* f = std::fopen("/proc/thread-self/schedstat", "re")) {
            unsigned long long ran = 0, queued = 0;
            if (std::fscanf(f, "%llu %llu", &ran, &queued) == 2) t.ran = ran, t.queued = queued;
            std::fclose(f);
        }
        return t;
    }
};

// Measures the outermost call into a binding. What a busy machine kept from it does not count.
template <class F>
void core::timed(worker_state* w, F&& f) {
    if (call_ns_max == 0 || timing_ || w->is_test) return f();
    struct flag {
        bool& on;
        explicit flag(bool& b) : on(b) { on = true; }
        ~flag() { on = false; }
    };
    const auto before = thread_times::now();
    {
        const flag here(timing_);
        f();
    }
    const auto after = thread_times::now();
    const uint64_t took = after.wall - before.wall, queued = after.queued - before.queued;
    if (took > call_ns_max + queued)
        report.add(
            "worker.blocked", w->name,
            "a call held its worker for " + std::to_string((took - queued) / 1'000'000) + " ms");
}

inline void core::raise() {
    if (held_ > 0) return;
    if (script_error_) std::rethrow_exception(std::exchange(script_error_, nullptr));
    report.raise();
}

inline bool core::check_call(worker_state* w, const char* function) {
    if (!on_own_thread()) {
        report.add("thread", w->name,
                   std::string(function) + " was called on a thread that is not the worker's");
        return false;
    }
    if (!w->attached && !w->is_test) {
        report.add("worker.detached", w->name,
                   std::string(function) + " was called through a handle that is detached");
        return false;
    }
    return true;
}

inline bool core::spend() {
    if (++steps_ <= turn_steps_max) return true;
    if (steps_ == turn_steps_max + 1)
        report.add("turn.endless", test.name,
                   "frames, deferred calls or posts beget each other without end");
    return false;
}

inline void core::settle() {
    for (;;) {
        if (drain_inboxes()) continue;
        if (drain_deferred()) continue;
        if (drain_windows()) continue;
        if (run_posts()) continue;
        if (tasks_run == task_mode::at_turn_end && run_tasks() > 0) continue;
        return;
    }
}

inline void core::make_runnable(worker_state* w) {
    w->runnable = true;
    runnable_.push_back(w);
}

inline bool core::drain_inboxes() {
    if (runnable_.empty() || !spend()) return false;
    worker_state* w = runnable_.front();
    runnable_.pop_front();
    // `runnable` stays set meanwhile, so that enter() does not list it a second time.
    while (!w->inbox.empty() && spend()) {
        inbox_item item = std::move(w->inbox.front());
        w->inbox.pop_front();
        handle(item);
    }
    w->runnable = false;
    if (!w->inbox.empty()) make_runnable(w);
    return true;
}

inline bool core::drain_deferred() {
    if (deferred_.empty() || !spend()) return false;
    const auto calls = std::exchange(deferred_, {});
    for (const auto& d : calls)
        if (d.w->attached) enter(d.w, [&] { d.fn(d.ctx); });
    return true;
}

// Each stream whose credit changed gets one WINDOW with the newest state.
inline bool core::drain_windows() {
    if (dirty_.empty() || !spend()) return false;
    for (stream_end* s : std::exchange(dirty_, {})) {
        s->window_dirty = false;
        if (over(s->out) || s->closing || !s->vt) continue;
        const weft_window w{{sizeof w, WEFT_WINDOW, 0, trace_, s->auth, nullptr},
                            s->acknowledged,
                            s->budget,
                            s->maximum,
                            s->padding,
                            s->minimum,
                            0};
        enter(s->owner, [&] { s->vt->on_frame(s->self, s->handle(), &w.h); });
    }
    return true;
}

inline bool core::run_posts() {
    std::vector<posted> batch;
    {
        const std::lock_guard lock(mutex_);
        if (posts_.empty()) return false;
        batch.swap(posts_);
    }
    for (auto& p : batch) {
        ++trace_;
        if (p.w)
            enter(p.w, p.fn);
        else
            p.fn();
    }
    return spend();
}

}  // namespace weft::testing::detail
