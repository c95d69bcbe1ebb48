// The kit's weft.buffers/1: every buffer is known by name of its owner, dead ones are poisoned and
// kept for a while, and what was sent is checked to be unchanged when the last reference goes.
#pragma once

#include <weft/abi.h>
#include <weft/hash.hpp>
#include <weft/testing/report.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <thread>
#include <unordered_map>

namespace weft::testing::detail {

struct worker_state;

struct buffer {
    struct range {
        const uint8_t* data;
        uint32_t len;
        uint64_t hash;
    };
    std::string owner;
    const worker_state* charged = nullptr;  // who wrapped it
    int64_t count = 1;
    bool shared = false;
    std::unique_ptr<uint8_t[]> memory;  // pooled memory
    const uint8_t* data = nullptr;
    uint32_t size = 0;
    void (*rel)(void*) = nullptr;
    void* ctx = nullptr;
    std::vector<range> sent;
};

class buffer_book {
public:
    // Memory of dead buffers that is kept, so that a slice kept without a reference reads 0xDD.
    static constexpr size_t quarantine_bytes_max = 16u << 20;
    static constexpr size_t ranges_max = 64;  // sent parts remembered per buffer

    buffer_book(reporter& r, std::function<void(std::function<void()>)> on_worker)
        : report_(r), on_worker_(std::move(on_worker)) {}

    bool out_of_memory = false;
    int64_t allocations_left = -1;  // that still succeed; -1: no limit

    uint8_t* alloc(const std::string& owner, uint32_t cap, weft_slice* out) {
        const std::lock_guard lock(mutex_);
        if (out_of_memory || allocations_left == 0) return nullptr;
        if (allocations_left > 0) --allocations_left;
        auto b = std::make_unique<buffer>();
        b->owner = owner;
        b->memory.reset(new uint8_t[cap ? cap : 1]);
        std::memset(b->memory.get(), fresh, cap);
        b->data = b->memory.get();
        b->size = cap;
        *out = {handle(b.get()), b->data, cap, 0};
        auto* bytes = b->memory.get();
        add(std::move(b));
        return bytes;
    }
    int32_t wrap(const std::string& owner, const worker_state* w, const void* p, uint32_t n,
                 void (*rel)(void*), void* ctx, weft_slice* out) {
        const std::lock_guard lock(mutex_);
        if (out_of_memory || allocations_left == 0) return WEFT_E_NOMEM;
        if (allocations_left > 0) --allocations_left;
        auto b = std::make_unique<buffer>();
        b->owner = owner;
        b->charged = w;
        b->data = static_cast<const uint8_t*>(p);
        b->size = n;
        b->rel = rel;
        b->ctx = ctx;
        *out = {handle(b.get()), b->data, n, 0};
        add(std::move(b));
        return WEFT_OK;
    }
    void retain(const weft_slice& s) {
        const std::lock_guard lock(mutex_);
        if (auto* b = usable(s, "retained")) ++b->count;
    }
    void release(const weft_slice& s) {
        std::function<void()> last;
        {
            const std::lock_guard lock(mutex_);
            auto* b = usable(s, "released");
            if (!b || --b->count != 0) return;
            last = dispose(b);
        }
        if (!last) return;
        if (std::this_thread::get_id() == thread_)
            last();
        else
            on_worker_(std::move(last));  // release functions belong to the worker that wrapped
    }
    void share(const weft_slice& s) {
        const std::lock_guard lock(mutex_);
        if (auto* b = usable(s, "shared")) b->shared = true;
    }
    // A slice about to be sent by `sender`. False when it may not be looked at.
    bool on_send(const weft_slice& s, const std::string& sender) {
        if (s.len == 0 && !s.owner) return true;
        const std::lock_guard lock(mutex_);
        if (!s.owner) return static_memory(s, sender);
        auto* b = usable(s, "sent");
        if (!b) return false;
        if (s.data < b->data || s.data + s.len > b->data + b->size) {
            report_.add("slice.bounds", sender, "a slice that was sent leaves its buffer");
            return false;
        }
        const auto same = std::find_if(b->sent.begin(), b->sent.end(), [&](const auto& r) {
            return r.data == s.data && r.len == s.len;
        });
        if (same == b->sent.end()) {
            if (b->sent.size() == ranges_max) b->sent.erase(b->sent.begin());
            b->sent.push_back({s.data, s.len, hash(s.data, s.len)});
        }
        return true;
    }

    bool knows(const weft_buf* owner) const {
        const std::lock_guard lock(mutex_);
        const auto* b = reinterpret_cast<const buffer*>(owner);
        return live_.contains(b) || dead_.contains(b);
    }
    size_t alive() const {
        const std::lock_guard lock(mutex_);
        return live_.size();
    }
    size_t wrapped_by(const worker_state* w) const {
        const std::lock_guard lock(mutex_);
        return static_cast<size_t>(std::count_if(
            live_.begin(), live_.end(), [&](const auto& x) { return x.second->charged == w; }));
    }
    // The end: whatever lives is a reference that somebody forgot.
    void report_leaks() {
        const std::lock_guard lock(mutex_);
        for (const auto& [p, b] : live_)
            report_.add("leak.buffer", b->owner,
                        "a buffer of " + std::to_string(b->size) + " bytes is still referenced " +
                            std::to_string(b->count) + " times");
        live_.clear();
    }

private:
    static constexpr uint8_t fresh = 0xCD, poison = 0xDD;

    static weft_buf* handle(buffer* b) { return reinterpret_cast<weft_buf*>(b); }
    static uint64_t hash(const uint8_t* p, size_t n) {
        return fnv1a_64({reinterpret_cast<const char*>(p), n});
    }
    void add(std::unique_ptr<buffer> b) {
        auto* key = b.get();
        live_.emplace(key, std::move(b));
    }
    // The buffer behind a slice, or null with a violation said.
    buffer* usable(const weft_slice& s, const char* what) {
        if (!s.owner) return nullptr;
        const auto it = live_.find(reinterpret_cast<const buffer*>(s.owner));
        if (it == live_.end()) {
            const auto dead = dead_.find(reinterpret_cast<const buffer*>(s.owner));
            if (dead == dead_.end())
                report_.add(
                    "slice.owner", "?",
                    std::string("a slice was ") + what + " whose owner is no buffer of this host");
            else
                report_.add(std::strcmp(what, "released") == 0 ? "slice.released" : "slice.freed",
                            dead->second->owner,
                            std::string("a slice was ") + what +
                                " after the last reference to its buffer had been given up");
            return nullptr;
        }
        auto* b = it->second.get();
        if (std::this_thread::get_id() != thread_ && !b->shared) {
            report_.add("thread", b->owner,
                        std::string("a slice was ") + what +
                            " on another thread without having been shared");
        }
        return b;
    }
    bool static_memory(const weft_slice& s, const std::string& sender) {
        pthread_attr_t attr;
        if (pthread_getattr_np(pthread_self(), &attr) != 0) return true;
        void* low = nullptr;
        size_t size = 0;
        pthread_attr_getstack(&attr, &low, &size);
        pthread_attr_destroy(&attr);
        const auto* base = static_cast<const uint8_t*>(low);
        if (s.data < base || s.data >= base + size) return true;
        report_.add("slice.owner", sender,
                    "a slice without an owner points to the stack: it is gone before its receiver "
                    "may be done with it");
        return true;
    }
    std::function<void()> dispose(buffer* b) {
        for (const auto& r : b->sent)
            if (hash(r.data, r.len) != r.hash) {
                report_.add("slice.immutable", b->owner, "bytes were changed after they were sent");
                break;
            }
        const auto it = live_.find(b);
        std::unique_ptr<buffer> own = std::move(it->second);
        live_.erase(it);
        std::function<void()> last;
        if (b->rel) last = [rel = b->rel, ctx = b->ctx] { rel(ctx); };
        if (b->memory) {
            std::memset(b->memory.get(), poison, b->size);
            quarantined_ += b->size;
            order_.push_back(b);
            while (quarantined_ > quarantine_bytes_max) {
                quarantined_ -= order_.front()->size;
                order_.front()->memory.reset();
                order_.pop_front();
            }
        }
        dead_.emplace(b, std::move(own));
        return last;
    }

    reporter& report_;
    std::function<void(std::function<void()>)> on_worker_;
    const std::thread::id thread_ = std::this_thread::get_id();
    mutable std::mutex mutex_;
    std::unordered_map<const buffer*, std::unique_ptr<buffer>> live_, dead_;
    std::deque<buffer*> order_;  // dead, oldest first
    size_t quarantined_ = 0;
};

}  // namespace weft::testing::detail
