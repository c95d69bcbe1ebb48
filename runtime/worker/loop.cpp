#include "worker/loop.hpp"

#include "worker/clock.hpp"

#include <boost/asio/post.hpp>

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <future>

namespace weft {
namespace {

uint32_t to_epoll(uint32_t events) {
    uint32_t out = 0;
    if (events & WEFT_READABLE) out |= EPOLLIN;
    if (events & WEFT_WRITABLE) out |= EPOLLOUT;
    return out;
}

uint32_t from_epoll(uint32_t events) {
    uint32_t out = 0;
    if (events & EPOLLIN) out |= WEFT_READABLE;
    if (events & EPOLLOUT) out |= WEFT_WRITABLE;
    if (events & (EPOLLHUP | EPOLLERR)) out |= WEFT_HANGUP;
    return out;
}

constexpr int epoll_batch = 256;
constexpr uint32_t timers_per_turn_max = 4096;
constexpr int epoll_rounds = 4;  // looks for more readiness before Asio's own wait is paid for

}  // namespace

// Our own epoll set, watched by Asio as one descriptor: level-triggered interest that stays, and a
// few bytes per descriptor instead of Asio's per-descriptor state.
loop::loop(uint32_t index, loop_host& host)
    : index_(index),
      host_(host),
      work_(io_.get_executor()),
      epoll_(io_, ::epoll_create1(EPOLL_CLOEXEC)),
      timer_(io_),
      buffers_([this] { run_on([this] { buffers_.reclaim(); }); }),
      now_(monotonic_ns()),
      next_trace_((uint64_t{index} + 1) << 56) {}

loop::~loop() {
    stop();
}

void loop::start() {
    arm_epoll();
    thread_ = std::thread([this] {
        const auto name = "weft-" + std::to_string(index_);
        ::pthread_setname_np(::pthread_self(), name.c_str());
        buffers_.bind_to_current_thread();
        io_.run();
    });
}

void loop::stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] {
        boost::system::error_code
            ignored;  // closing our own descriptor cannot leave anything to do
        epoll_.close(ignored);
        timer_.cancel();
        work_.reset();
        io_.stop();
    });
    thread_.join();
}

template <class F>
void loop::turn(F&& f) {
    now_ = monotonic_ns();
    trace_ = ++next_trace_;
    in_turn_ = true;
    f();
    drain();
    in_turn_ = false;
    arm_timer();
}

void loop::drain() {
    uint32_t budget = turn_frames_max;
    for (;;) {
        if (drain_inboxes(budget)) {
            if (budget == 0) {  // let descriptors and timers have their turn
                boost::asio::post(io_, [this] { turn([] {}); });
                return;
            }
            continue;
        }
        if (drain_deferred()) continue;
        if (drain_windows()) continue;
        return;
    }
}

bool loop::drain_inboxes(uint32_t& budget) {
    if (runnable_.empty()) return false;
    weft_worker* w = runnable_.front();
    runnable_.pop_front();
    // `runnable` stays set while we work through the inbox, so that enter() does not queue it a
    // second time.
    while (w->inbox_head && budget > 0) {
        --budget;
        inbox_item* item = w->inbox_head;
        w->inbox_head = item->next;
        if (!w->inbox_head) w->inbox_tail = nullptr;
        handle(item);
    }
    if (w->inbox_head)
        runnable_.push_back(w);
    else
        w->runnable = false;
    return true;
}

bool loop::drain_deferred() {
    if (deferred_.empty()) return false;
    deferring_.swap(deferred_);
    for (const auto& d : deferring_) enter(d.w, [&] { d.fn(d.ctx); });
    deferring_.clear();
    return true;
}

void loop::make_runnable(weft_worker* w) {
    w->runnable = true;
    runnable_.push_back(w);
}

// --- reactor
// -----------------------------------------------------------------------------------------------------------

void loop::arm_epoll() {
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& e) {
                          if (e) return;
                          on_epoll();
                          arm_epoll();
                      });
}

void loop::on_epoll() {
    epoll_event events[epoll_batch];
    for (int round = 0; round < epoll_rounds; ++round) {
        const int n = ::epoll_wait(epoll_.native_handle(), events, epoll_batch, 0);
        if (n <= 0) return;
        turn([&] {
            for (int i = 0; i < n; ++i) {
                const auto* s = handles_.find(events[i].data.u64);
                if (!s || s->kind != handle_slot::type::watch)
                    continue;  // cancelled by an earlier event of this batch
                const auto fn = s->watch_fn;
                void* ctx = s->ctx;
                enter(s->owner, [&] { fn(ctx, from_epoll(events[i].events)); });
            }
        });
        if (n < epoll_batch / 8) return;
    }
}

uint64_t loop::add_timer(weft_worker* w, uint64_t at_ns, void (*fn)(void*), void* ctx) {
    ++w->timers;
    const uint64_t id = handles_.add_timer(w, at_ns, fn, ctx);
    if (!in_turn_) arm_timer();
    return id;
}

uint64_t loop::add_watch(weft_worker* w, int fd, uint32_t events, void (*fn)(void*, uint32_t),
                         void* ctx) {
    const uint64_t id = handles_.add_watch(w, fd, events, fn, ctx);
    epoll_event e{};
    e.events = to_epoll(events);
    e.data.u64 = id;
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &e) != 0) {
        handles_.remove(id);
        return 0;
    }
    ++w->watches;
    return id;
}

uint64_t loop::cancel_all_of(const weft_worker* w) {
    const auto ids = handles_.owned_by(w);
    for (const uint64_t id : ids) cancel(id);
    return ids.size();
}

int32_t loop::modify_watch(uint64_t id, uint32_t events) {
    auto* s = handles_.find(id);
    if (!s || s->kind != handle_slot::type::watch) return WEFT_E_INVALID;
    if (s->events == events) return WEFT_OK;
    s->events = static_cast<uint8_t>(events);
    epoll_event e{};
    e.events = to_epoll(events);
    e.data.u64 = id;
    return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, s->fd, &e) == 0 ? WEFT_OK : WEFT_E_IO;
}

void loop::cancel(uint64_t id) {
    const auto* s = handles_.find(id);
    if (!s) return;
    if (s->kind == handle_slot::type::watch) {
        ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, s->fd, nullptr);
        --s->owner->watches;
    } else {
        --s->owner->timers;
    }
    handles_.remove(id);
}

void loop::arm_timer() {
    if (!handles_.has_timers()) return;
    const uint64_t at = handles_.next_deadline();
    if (timer_armed_at_ != 0 && timer_armed_at_ <= at)
        return;  // fires early enough and re-arms itself
    timer_armed_at_ = at;
    timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at)));
    timer_.async_wait([this](const boost::system::error_code& e) {
        if (e) return;  // replaced by an earlier deadline
        timer_armed_at_ = 0;
        run_timers();
    });
}

void loop::run_timers() {
    turn([this] {
        handle_slot due;
        const uint64_t now = now_;
        // Bounded: a timer that is set anew for a time already past must not keep descriptors
        // waiting.
        for (uint32_t n = 0; n < timers_per_turn_max && handles_.pop_due(now, due); ++n) {
            --due.owner->timers;
            enter(due.owner, [&] { due.timer_fn(due.ctx); });
        }
    });
}

// --- posts
// -------------------------------------------------------------------------------------------------------------

bool loop::post(weft_worker* w, void (*fn)(void*), void* ctx) {
    {
        std::lock_guard lock(posts_mutex_);
        if (!w->accepting_posts.load(std::memory_order_acquire)) return false;
        posts_.push_back({w, fn, ctx, {}});
        if (posts_.size() > 1) return true;
    }
    wake_posts();
    return true;
}

void loop::close_posts(weft_worker* w) {
    std::lock_guard lock(posts_mutex_);
    w->accepting_posts = false;
}

void loop::run_on(std::function<void()> f) {
    {
        std::lock_guard lock(posts_mutex_);
        posts_.push_back({nullptr, nullptr, nullptr, std::move(f)});
        if (posts_.size() > 1) return;
    }
    wake_posts();
}

void loop::wake_posts() {
    boost::asio::post(io_, [this] { run_posts(); });
}

void loop::run_posts() {
    std::vector<posted> batch;
    {
        std::lock_guard lock(posts_mutex_);
        batch.swap(posts_);
    }
    turn([&] {
        for (auto& p : batch) {
            if (p.w)
                enter(p.w, [&] { p.fn(p.ctx); });
            else
                p.plain();
        }
    });
}

void loop::call(const std::function<void()>& f) {
    std::promise<void> done;
    run_on([&] {
        f();
        done.set_value();
    });
    done.get_future().wait();
}

}  // namespace weft
