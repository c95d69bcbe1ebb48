#include "loop.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace load {

namespace {
[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}
}  // namespace

uint64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

loop::loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (epoll_ < 0 || timer_ < 0) fail("epoll");
    add(timer_, EPOLLIN, nullptr);
}

loop::~loop() {
    close(timer_);
    close(epoll_);
}

void loop::add(int fd, uint32_t events, pollable* target) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = target;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void loop::modify(int fd, uint32_t events, pollable* target) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = target;
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) fail("epoll_ctl");
}

void loop::every(uint64_t period_ns, std::function<void()> tick) {
    tick_ = std::move(tick);
    itimerspec spec{};
    spec.it_interval.tv_sec = static_cast<time_t>(period_ns / 1'000'000'000);
    spec.it_interval.tv_nsec = static_cast<long>(period_ns % 1'000'000'000);
    spec.it_value = spec.it_interval;
    if (timerfd_settime(timer_, 0, &spec, nullptr) != 0) fail("timerfd_settime");
}

void loop::stop_ticking() {
    const itimerspec off{};
    timerfd_settime(timer_, 0, &off, nullptr);
    tick_ = nullptr;
}

void loop::on_tick() {
    uint64_t expirations = 0;
    if (read(timer_, &expirations, sizeof expirations) > 0 && tick_) tick_();
}

void loop::run_until(const std::function<bool()>& done, uint64_t timeout_ns, const char* what) {
    const uint64_t deadline = now_ns() + timeout_ns;
    std::array<epoll_event, 256> events{};
    while (!done()) {
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<size_t>(i)];
            if (event.data.ptr == nullptr) {
                on_tick();
            } else {
                static_cast<pollable*>(event.data.ptr)->on_ready(event.events);
            }
        }
        if (now_ns() > deadline) throw std::runtime_error(std::string("timed out: ") + what);
    }
}

}  // namespace load
