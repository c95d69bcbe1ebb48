// worker: an instance's view of its worker: clock, timers, descriptors, posts, tasks, events,
// metrics, opening streams.
#pragma once

#include <weft/stream.hpp>

#include <memory>
#include <string>
#include <type_traits>

namespace weft {

// Makes a C callback from a member function: call<&session::on_timeout>.
template <auto Method>
struct member_call;
template <class C, void (C::*Method)()>
struct member_call<Method> {
    static void invoke(void* ctx) noexcept {
        try {
            (static_cast<C*>(ctx)->*Method)();
        } catch (const std::exception& e) {
            log(WEFT_ERROR, e.what());
        } catch (...) {
            log(WEFT_ERROR, "unknown exception in a callback");
        }
    }
};
template <class C, void (C::*Method)(uint32_t)>
struct member_call<Method> {
    static void invoke(void* ctx, uint32_t events) noexcept {
        try {
            (static_cast<C*>(ctx)->*Method)(events);
        } catch (const std::exception& e) {
            log(WEFT_ERROR, e.what());
        } catch (...) {
            log(WEFT_ERROR, "unknown exception in a callback");
        }
    }
};
template <auto Method>
inline constexpr auto* call = &member_call<Method>::invoke;

// A metric cell: one writer (the worker), read by the host at any time. Builtins of the compiler,
// since libc++ got std::atomic_ref late.
class metric {
public:
    metric() = default;
    explicit metric(uint64_t* cell) : cell_(cell) {}
    void add(uint64_t n = 1) { set(get() + n); }
    void sub(uint64_t n = 1) { set(get() - n); }
    void set(uint64_t v) {
        if (cell_) __atomic_store_n(cell_, v, __ATOMIC_RELAXED);
    }
    uint64_t get() const { return cell_ ? __atomic_load_n(cell_, __ATOMIC_RELAXED) : 0; }

private:
    uint64_t* cell_ = nullptr;
};

// A plain handle, copied freely. Valid from attach to destroy of the binding. Only post, emit,
// ready, wall_ms and index may be called from another thread.
class worker {
public:
    worker() = default;
    explicit worker(weft_worker* w) : w_(w) {}
    weft_worker* handle() const { return w_; }

    uint64_t now_ns() const { return services.reactor->now(w_); }
    uint64_t wall_ms() const { return services.reactor->wall_ms(w_); }
    uint32_t index() const { return services.reactor->index(w_); }

    uint64_t timer_at(uint64_t at_ns, void (*fn)(void*), void* ctx) const {
        return services.reactor->timer(w_, at_ns, fn, ctx);
    }
    uint64_t timer_in_ms(uint64_t ms, void (*fn)(void*), void* ctx) const {
        return timer_at(now_ns() + ms * 1'000'000, fn, ctx);
    }
    uint64_t watch(int fd, uint32_t events, void (*fn)(void*, uint32_t), void* ctx) const {
        return services.reactor->watch(w_, fd, events, fn, ctx);
    }
    void modify(uint64_t watch_id, uint32_t events) const {
        services.reactor->modify(w_, watch_id, events);
    }
    void cancel(uint64_t id) const { services.reactor->cancel(w_, id); }
    void defer(void (*fn)(void*), void* ctx) const { services.reactor->defer(w_, fn, ctx); }

    // Runs f() on this worker; one allocation. False when the instance is detached (f is destroyed
    // unrun). [any]
    template <class F>
    bool post(F&& f) const {
        using fn = std::decay_t<F>;
        auto* boxed = new fn(std::forward<F>(f));
        auto run = [](void* ctx) noexcept {
            std::unique_ptr<fn> g(static_cast<fn*>(ctx));
            try {
                (*g)();
            } catch (const std::exception& e) {
                log(WEFT_ERROR, e.what());
            } catch (...) {
                log(WEFT_ERROR, "unknown exception in a post");
            }
        };
        if (services.reactor->post(w_, run, boxed) == WEFT_OK) return true;
        delete boxed;
        return false;
    }

    // Runs work() on a pool thread, then done() on this worker. work and done are members of one
    // object: done sees what work left, also when work has thrown (which is logged). False when the
    // host has no task pool or refuses; the task is destroyed unrun then.
    template <class Task>
    bool run(std::unique_ptr<Task> task) const {
        auto work = [](void* ctx) noexcept {
            try {
                static_cast<Task*>(ctx)->work();
            } catch (const std::exception& e) {
                log(WEFT_ERROR, e.what());
            } catch (...) {
                log(WEFT_ERROR, "unknown exception in a task");
            }
        };
        auto done = [](void* ctx) noexcept {
            std::unique_ptr<Task> t(static_cast<Task*>(ctx));
            try {
                t->done();
            } catch (const std::exception& e) {
                log(WEFT_ERROR, e.what());
            } catch (...) {
                log(WEFT_ERROR, "unknown exception in a task");
            }
        };
        if (!services.tasks || services.tasks->run(w_, work, done, task.get()) != WEFT_OK)
            return false;
        static_cast<void>(task.release());
        return true;
    }

    void emit(weft_level level, const char* id, const std::string& text, uint64_t trace = 0) const {
        services.events->emit(w_, level, trace, id, text.c_str());
    }
    void ready(bool is_ready, const std::string& what = {}) const {
        services.events->ready(w_, is_ready, what.c_str());
    }
    metric counter(const char* name) const {
        return metric{services.metrics ? services.metrics->cell(w_, name, 0) : nullptr};
    }
    metric gauge(const char* name) const {
        return metric{services.metrics ? services.metrics->cell(w_, name, 1) : nullptr};
    }

    // A fresh buffer of `cap` writable bytes, or an empty chunk when memory is out.
    chunk alloc(uint32_t cap, uint8_t*& bytes) const {
        weft_slice s{};
        bytes = services.buffers->alloc(w_, cap, &s);
        return bytes ? chunk::adopt(s) : chunk{};
    }

    // Opens a stream to an exit; `e` must live until its on_closed.
    stream open(uint64_t exit_id, endpoint& e, const weft_meta* meta = nullptr, uint64_t trace = 0,
                uint64_t auth = 0, uint64_t affinity = 0) const {
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, trace, auth, meta}, affinity, 0};
        return stream{services.streams->open(w_, exit_id, &b, endpoint::table(), &e)};
    }

private:
    weft_worker* w_ = nullptr;
};

}  // namespace weft
