#include "engine/watchdog.hpp"

#include <pthread.h>

namespace weft {

watchdog::watchdog(const std::vector<std::unique_ptr<loop>>& loops, std::mutex& alive, report tell)
    : loops_(loops), alive_(alive), tell_(std::move(tell)), seen_(loops.size()), thread_([this] {
          ::pthread_setname_np(::pthread_self(), "weft-watchdog");
          run();
      }) {}

watchdog::~watchdog() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void watchdog::run() {
    auto last = clock::now();
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, interval, [this] { return ending_; })) {
        const auto now = clock::now();
        // When we were held up ourselves, so was everybody: the machine, not a plugin.
        const bool late = now - last > 2 * interval;
        last = now;
        if (late)
            for (auto& s : seen_) s.since = now;
        else
            look(now);
    }
}

void watchdog::look(clock::time_point now) {
    for (size_t i = 0; i < loops_.size(); ++i) {
        auto& s = seen_[i];
        const auto at = loops_[i]->look();
        if (!at.current || at.entries != s.entries) {
            s = {at.entries, now, false};
            continue;
        }
        if (s.told || now - s.since < blocked_min) continue;
        // Its instance cannot go while the mutex is held, if it is still the one.
        std::lock_guard lock(alive_);
        const auto again = loops_[i]->look();
        if (again.entries != at.entries || !again.current) continue;
        s.told = true;
        tell_(*again.current, static_cast<uint32_t>(i));
    }
}

}  // namespace weft
