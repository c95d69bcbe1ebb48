// Names the binding that holds a worker: a plugin that blocks delays everybody on that worker.
#pragma once

#include "worker/loop.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft {

class watchdog {
public:
    static constexpr std::chrono::milliseconds blocked_min{100};
    static constexpr std::chrono::milliseconds interval{25};

    // `tell` is called on the watchdog's thread, once per call that takes too long; `alive` is held
    // while an instance is looked at.
    using report = std::function<void(const weft_worker& culprit, uint32_t worker)>;
    watchdog(const std::vector<std::unique_ptr<loop>>& loops, std::mutex& alive, report tell);
    ~watchdog();
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

private:
    using clock = std::chrono::steady_clock;
    struct seen {
        uint64_t entries = 0;
        clock::time_point since;
        bool told = false;
    };
    void run();
    void look(clock::time_point now);

    const std::vector<std::unique_ptr<loop>>& loops_;
    std::mutex& alive_;
    report tell_;
    std::vector<seen> seen_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace weft
