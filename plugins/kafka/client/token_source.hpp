// Gets bearer tokens on a thread of its own: when it is made, again before the last one ends, when
// it is asked to, and after each failure.
#pragma once

#include "limits.hpp"
#include "token.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace weft::kafka::client {

// How to get at a token. cancel() comes from another thread and makes get() end soon.
struct token_transport {
    std::function<bearer_token()> get;  // throws std::runtime_error: one line for people
    std::function<void()> cancel = [] {};
};

struct token_times {
    std::chrono::milliseconds retry_min{limits::token_retry_min_ms};
    std::chrono::milliseconds retry_max{limits::token_retry_max_ms};
    std::chrono::milliseconds gap{limits::token_gap_ms};          // between two, unless one failed
    std::chrono::milliseconds age_max{limits::token_age_max_ms};  // then it is got again anyway
};

class token_source {
public:
    // What is told comes on the source's thread; not after the destructor has begun to return.
    struct listener {
        std::function<void(bearer_token)> got;
        std::function<void(const std::string&)> failed;
    };
    token_source(token_transport t, listener l, token_times times = {});
    ~token_source();
    token_source(const token_source&) = delete;
    token_source& operator=(const token_source&) = delete;

    // A broker has refused the last one: soon, but not more often than `gap`. From any thread.
    void renew();

private:
    using clock = std::chrono::steady_clock;
    void run();
    // How long what it got is good; nothing was got: zero.
    std::chrono::milliseconds get();

    const token_transport transport_;
    const listener listener_;
    const token_times times_;

    std::mutex mutex_;  // of all below
    std::condition_variable changed_;
    clock::time_point begun_, due_;
    bool stopping_ = false, getting_ = false, again_ = false;
    std::thread thread_;
};

// The token in a file, as it is now. Throws std::runtime_error.
bearer_token read_token_file(const std::string& path);

}  // namespace weft::kafka::client
