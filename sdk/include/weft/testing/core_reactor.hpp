// Time, descriptors, posts and tasks of the test kit's engine; included by core.hpp.
#pragma once

#include <weft/testing/core.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>

namespace weft::testing::detail {

inline uint64_t core::add_timer(worker_state* w, uint64_t at, void (*fn)(void*), void* ctx) {
    if (!check_call(w, "timer")) return ++ids_;
    timers_.emplace(++ids_, timer_entry{at, w, fn, ctx});
    return ids_;
}

inline uint64_t core::add_watch(worker_state* w, int fd, uint32_t ev, void (*fn)(void*, uint32_t),
                                void* c) {
    if (!check_call(w, "watch") || refuse_watches || ::fcntl(fd, F_GETFD) < 0) return 0;
    for (const auto& [id, other] : watches_)
        if (other.fd == fd) return 0;  // as epoll refuses it
    watches_.emplace(++ids_, watch_entry{fd, ev, w, fn, c});
    return ids_;
}

inline int32_t core::modify_watch(uint64_t id, uint32_t ev) {
    const auto it = watches_.find(id);
    if (it == watches_.end()) return WEFT_E_INVALID;
    it->second.events = ev;
    return WEFT_OK;
}

inline void core::cancel(uint64_t id) {
    timers_.erase(id);
    watches_.erase(id);
}

inline void core::defer(worker_state* w, void (*fn)(void*), void* ctx) {
    if (check_call(w, "defer")) deferred_.push_back({w, fn, ctx});
}

inline int32_t core::post(worker_state* w, void (*fn)(void*), void* ctx) {
    const std::lock_guard lock(mutex_);
    if (!w->accepts_posts || refuse_posts) return WEFT_E_GONE;
    posts_.push_back({w, [fn, ctx] { fn(ctx); }});
    wake();
    return WEFT_OK;
}

inline void core::post_plain(worker_state* w, std::function<void()> f) {
    const std::lock_guard lock(mutex_);
    posts_.push_back({w, std::move(f)});
    wake();
}

inline void core::wake() {
    const uint64_t one = 1;
    // A full counter is awake already.
    if (::write(wake_fd_, &one, sizeof one) < 0 && errno != EAGAIN) std::abort();
}

inline int32_t core::run_task(worker_state* w, void (*work)(void*), void (*done)(void*),
                              void* ctx) {
    if (!check_call(w, "run")) return WEFT_E_INVALID;
    ++w->tasks;
    if (tasks_run != task_mode::on_threads) {
        tasks_.push_back({w, work, done, ctx});
        return WEFT_OK;
    }
    const std::lock_guard lock(mutex_);
    task_threads_.emplace_back([this, w, work, done, ctx] {
        work(ctx);
        post_plain(w, [w, done, ctx] {
            --w->tasks;
            done(ctx);
        });
    });
    return WEFT_OK;
}

// Does what tasks wait at this moment; how many that were.
inline size_t core::run_tasks() {
    const auto batch = std::exchange(tasks_, {});
    if (batch.empty()) return 0;
    act([&] {
        for (const auto& t : batch) {
            t.work(t.ctx);
            --t.owner->tasks;
            enter(t.owner, [&] { t.done(t.ctx); });
        }
    });
    return batch.size();
}

inline void core::join_threads() {
    for (;;) {
        std::list<std::thread> threads;
        {
            const std::lock_guard lock(mutex_);
            threads.swap(task_threads_);
        }
        if (threads.empty()) return;
        for (auto& t : threads) t.join();
    }
}

// Moves the clock from timer to timer, each of which is a turn of its own.
inline void core::advance(uint64_t ns) {
    if (in_turn_) throw std::logic_error("the test moves the clock from inside of a turn");
    const uint64_t until = now_ + ns;
    for (size_t n = 0; n < turn_steps_max; ++n) {
        auto next = timers_.end();
        for (auto it = timers_.begin(); it != timers_.end(); ++it)
            if (it->second.at <= until &&
                (next == timers_.end() || it->second.at < next->second.at))
                next = it;
        if (next == timers_.end()) {
            now_ = until;
            return;
        }
        const timer_entry t = next->second;
        timers_.erase(next);
        now_ = std::max(now_, t.at);
        act([&] { enter(t.owner, [&] { t.fn(t.ctx); }); });
    }
    report.add("turn.endless", test.name, "timers are set for the same moment again and again");
    raise();
}

// One look at the descriptors and at posts of other threads. False when there was nothing.
inline bool core::poll_once(int timeout_ms) {
    std::vector<pollfd> fds{{wake_fd_, POLLIN, 0}};
    std::vector<uint64_t> ids{0};
    for (const auto& [id, w] : watches_) {
        short want = 0;
        if (w.events & WEFT_READABLE) want |= POLLIN;
        if (w.events & WEFT_WRITABLE) want |= POLLOUT;
        fds.push_back({w.fd, want, 0});
        ids.push_back(id);
    }
    if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return false;
    uint64_t count = 0;
    if (fds[0].revents && ::read(wake_fd_, &count, sizeof count) < 0 && errno != EAGAIN)
        throw std::logic_error("the kit's eventfd cannot be read");
    act([&] {
        for (size_t i = 1; i < fds.size(); ++i) {
            const auto it = watches_.find(ids[i]);
            if (fds[i].revents == 0 || it == watches_.end()) continue;  // cancelled meanwhile
            uint32_t ev = 0;
            if (fds[i].revents & POLLIN) ev |= WEFT_READABLE;
            if (fds[i].revents & POLLOUT) ev |= WEFT_WRITABLE;
            if (fds[i].revents & (POLLHUP | POLLERR | POLLNVAL)) ev |= WEFT_HANGUP;
            const watch_entry w = it->second;
            enter(w.owner, [&] { w.fn(w.ctx, ev); });
        }
    });
    return true;
}

// Real time, for descriptors and other threads only; the limit is for what never comes.
inline bool core::wait_for(const std::function<bool()>& done, int limit_ms) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    constexpr int look_ms = 10;
    for (;;) {
        act([] {});
        if (done()) return true;
        if (std::chrono::steady_clock::now() >= end) return false;
        poll_once(look_ms);
    }
}

inline size_t core::timers(const worker_state* w) const {
    return static_cast<size_t>(std::count_if(
        timers_.begin(), timers_.end(), [&](const auto& t) { return !w || t.second.owner == w; }));
}
inline size_t core::watches(const worker_state* w) const {
    return static_cast<size_t>(std::count_if(watches_.begin(), watches_.end(), [&](const auto& t) {
        return !w || t.second.owner == w;
    }));
}

// Ends instance w: f is the call of detach. What it leaves behind is reported and taken away.
inline void core::detach(worker_state* w, const std::function<void()>& f) {
    act([] {});
    {
        const std::lock_guard lock(mutex_);
        w->accepts_posts = false;
    }
    act([&] { enter(w, f); });
    w->attached = false;
    const auto leaked = [&](const char* rule, size_t n, const char* what) {
        if (n) report.add(rule, w->name, std::to_string(n) + " " + what + " left behind by detach");
    };
    uint64_t due = UINT64_MAX;
    for (const auto& [id, t] : timers_)
        if (t.owner == w) due = std::min(due, t.at > now_ ? t.at - now_ : 0);
    const std::string timer_text =
        "timers (the next due in " + std::to_string(due / 1'000'000) + " ms)";
    leaked("leak.timer", timers(w), timer_text.c_str());
    leaked("leak.watch", watches(w), "watches");
    leaked("leak.task", w->tasks, "tasks");
    leaked("leak.buffer", buffers.wrapped_by(w), "wrapped buffers");
    std::erase_if(timers_, [&](const auto& t) { return t.second.owner == w; });
    std::erase_if(watches_, [&](const auto& t) { return t.second.owner == w; });
    size_t held = 0;
    for (auto it = leases_.begin(); it != leases_.end();) {
        if (it->second.owner != w) {
            ++it;
            continue;
        }
        ++held;
        ::close(it->second.fd);
        it = leases_.erase(it);
    }
    leaked("leak.lease", held, "leases");
    raise();
}

}  // namespace weft::testing::detail
