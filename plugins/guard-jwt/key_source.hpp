// Where a guard has its keys from: fixed ones, or a URL that a thread of its own reads again and
// again.
#pragma once

#include "key_set.hpp"
#include "limits.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft::guard_jwt {

using keys_ptr = std::shared_ptr<const key_set>;  // shared: a worker may be at it when it changes

class key_source {
public:
    virtual ~key_source() = default;
    virtual keys_ptr keys() const = 0;
    // The keys lack what a token asks for. True: `then` will be called once, on some thread, when
    // they have been read again, well or not. False: there is nothing to wait for.
    virtual bool renew(std::function<void()> then) = 0;
};

class fixed_keys final : public key_source {
public:
    explicit fixed_keys(key_set k) : keys_(std::make_shared<const key_set>(std::move(k))) {}
    keys_ptr keys() const override { return keys_; }
    bool renew(std::function<void()>) override { return false; }

private:
    const keys_ptr keys_;
};

// How a remote source gets at the text; cancel() comes from another thread.
struct transport {
    std::function<std::string()> get;  // throws std::runtime_error
    std::function<void()> cancel;
};

struct remote_times {
    std::chrono::milliseconds refresh{limits::refresh_s * 1'000};
    std::chrono::milliseconds gap{limits::refresh_gap_ms};
    std::chrono::milliseconds retry_min{limits::retry_ms_min}, retry_max{limits::retry_ms_max};
};

// Begins to read when it is made; keys() is null until that has gone well once. Keys that were read
// stay when a later reading fails. `tell` hears of each failure, on its thread.
class remote_keys final : public key_source {
public:
    remote_keys(transport t, remote_times times, std::function<void(const std::string&)> tell);
    ~remote_keys() override;

    keys_ptr keys() const override;
    bool renew(std::function<void()> then) override;

private:
    using clock = std::chrono::steady_clock;
    void run();
    void read();

    const transport transport_;
    const remote_times times_;
    const std::function<void(const std::string&)> tell_;

    mutable std::mutex mutex_;  // of all below
    std::condition_variable changed_;
    keys_ptr keys_;
    std::vector<std::function<void()>> waiting_;
    clock::time_point begun_, due_;  // of the last reading, of the next one
    std::chrono::milliseconds retry_;
    bool reading_ = false, stopping_ = false;
    std::thread thread_;
};

}  // namespace weft::guard_jwt
