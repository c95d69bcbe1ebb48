#include "key_source.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace weft::guard_jwt {

remote_keys::remote_keys(transport t, remote_times times,
                         std::function<void(const std::string&)> tell)
    : transport_(std::move(t)),
      times_(times),
      tell_(std::move(tell)),
      begun_(clock::now()),
      due_(begun_),
      retry_(times.retry_min),
      reading_(true),
      thread_([this] { run(); }) {}

remote_keys::~remote_keys() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    transport_.cancel();
    changed_.notify_all();
    thread_.join();
}

keys_ptr remote_keys::keys() const {
    const std::lock_guard lock(mutex_);
    return keys_;
}

bool remote_keys::renew(std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= limits::waiting_max) return false;
    if (!reading_) {
        // Without any keys only the time between two tries has to pass.
        const auto gap = keys_ ? times_.gap : times_.retry_min;
        if (clock::now() - begun_ < gap) return false;
        reading_ = true;
        due_ = clock::now();
        changed_.notify_all();
    }
    waiting_.push_back(std::move(then));
    return true;
}

void remote_keys::run() {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_until(lock, due_, [this] { return stopping_ || clock::now() >= due_; });
            if (stopping_) break;
            // Waits again when due_ was moved meanwhile.
            if (clock::now() < due_) continue;
            reading_ = true;
            begun_ = clock::now();
        }
        read();
    }
    std::vector<std::function<void()>> left;
    {
        const std::lock_guard lock(mutex_);
        left.swap(waiting_);
    }
    for (const auto& then : left) then();
}

void remote_keys::read() {
    keys_ptr fresh;
    std::string why;
    try {
        fresh = std::make_shared<const key_set>(read_key_set(transport_.get(), false));
    } catch (const std::exception& e) {
        why = e.what();
    }
    std::vector<std::function<void()>> waited;
    bool stopping = false;
    {
        const std::lock_guard lock(mutex_);
        stopping = stopping_;
        reading_ = false;
        if (fresh) {
            keys_ = std::move(fresh);
            retry_ = times_.retry_min;
            due_ = clock::now() + times_.refresh;
        } else {
            due_ = clock::now() + retry_;
            retry_ = std::min(retry_ * 2, times_.retry_max);
        }
        waited.swap(waiting_);
    }
    if (!why.empty() && !stopping) tell_(why);
    for (const auto& then : waited) then();
}

}  // namespace weft::guard_jwt
