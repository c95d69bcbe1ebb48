#include "token_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace weft::kafka::client {

namespace {

uint64_t wall_ms() {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

}  // namespace

token_source::token_source(token_transport t, listener l, token_times times)
    : transport_(std::move(t)),
      listener_(std::move(l)),
      times_(times),
      due_(clock::now()),
      thread_([this] { run(); }) {}

token_source::~token_source() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    transport_.cancel();
    changed_.notify_all();
    thread_.join();
}

void token_source::renew() {
    const std::lock_guard lock(mutex_);
    if (getting_) {
        again_ = true;
        return;
    }
    due_ = std::min(due_, std::max(clock::now(), begun_ + times_.gap));
    changed_.notify_all();
}

void token_source::run() {
    auto retry = times_.retry_min;
    std::unique_lock lock(mutex_);
    while (true) {
        while (!stopping_ && clock::now() < due_) changed_.wait_until(lock, due_);
        if (stopping_) return;
        begun_ = clock::now();
        getting_ = true;
        lock.unlock();
        const auto good_for = get();
        lock.lock();
        getting_ = false;
        if (good_for.count() > 0) {
            retry = times_.retry_min;
            // A fifth of its life is left for failures.
            due_ = clock::now() + std::clamp(good_for * 4 / 5, times_.retry_min, times_.age_max);
            if (std::exchange(again_, false)) due_ = std::min(due_, begun_ + times_.gap);
        } else {
            due_ = clock::now() + retry;
            retry = std::min(retry * 2, times_.retry_max);
            again_ = false;
        }
    }
}

std::chrono::milliseconds token_source::get() {
    std::string why;
    try {
        auto token = transport_.get();
        const uint64_t now = wall_ms();
        if (token.expires_ms <= now) throw std::runtime_error("the token has expired");
        const auto life = std::min<uint64_t>(token.expires_ms - now,
                                             static_cast<uint64_t>(times_.age_max.count()) * 2);
        listener_.got(std::move(token));
        return std::chrono::milliseconds(std::max<uint64_t>(life, 1));
    } catch (const std::exception& e) {
        why = e.what();
    }
    bool stopping = false;
    {
        const std::lock_guard lock(mutex_);
        stopping = stopping_;
    }
    if (!stopping) listener_.failed(why);
    return {};
}

bearer_token read_token_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    // One byte more than is allowed, so that a file that is too long is seen to be.
    std::string text(limits::token_bytes_max + 1, '\0');
    if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in && !in.eof())
        throw std::runtime_error("token file " + path + " cannot be read: " + std::strerror(errno));
    text.resize(static_cast<size_t>(in.gcount()));
    try {
        auto token = read_token(text);
        return token;
    } catch (const std::exception& e) {
        throw std::runtime_error("token file " + path + ": " + e.what());
    }
}

}  // namespace weft::kafka::client
