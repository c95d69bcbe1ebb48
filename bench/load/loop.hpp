// One epoll loop for all connections of the generator, and its clock.
#pragma once

#include <cstdint>
#include <functional>

namespace load {

uint64_t now_ns();

class pollable {
public:
    virtual ~pollable() = default;
    virtual void on_ready(uint32_t events) = 0;
};

class loop {
public:
    loop();
    ~loop();
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    void add(int fd, uint32_t events, pollable* target);
    void modify(int fd, uint32_t events, pollable* target);

    // Calls `tick` about every `period_ns` until run ends; one at a time.
    void every(uint64_t period_ns, std::function<void()> tick);
    void stop_ticking();

    // Runs until `done` says so; throws when the deadline passes first.
    void run_until(const std::function<bool()>& done, uint64_t timeout_ns, const char* what);

private:
    void on_tick();

    int epoll_ = -1, timer_ = -1;
    std::function<void()> tick_;
};

}  // namespace load
