#include "buffer/pool.hpp"

#include "worker/instance.hpp"
#include "worker/loop.hpp"

#include <bit>
#include <cstdlib>
#include <new>

namespace weft {
namespace {

thread_local buffer_pool* current_pool = nullptr;  // a plain pointer: no destructor, no allocation

uint8_t class_of(uint32_t capacity) {
    const uint32_t rounded =
        std::bit_ceil(capacity < buffer_pool::smallest ? buffer_pool::smallest : capacity);
    return static_cast<uint8_t>(std::countr_zero(rounded) -
                                std::countr_zero(buffer_pool::smallest));
}

constexpr uint8_t class_none = 0xff;
constexpr size_t headers_max = 4096;

}  // namespace

buffer_pool::buffer_pool(std::function<void()> wake) : wake_(std::move(wake)) {}

buffer_pool::~buffer_pool() {
    auto drop = [](weft_buf* b) {
        while (b) {
            weft_buf* next = b->next;
            b->~weft_buf();
            std::free(b);
            b = next;
        }
    };
    for (auto& list : free_) drop(list.head);
    drop(headers_.head);
}

void buffer_pool::bind_to_current_thread() {
    current_pool = this;
}

uint8_t* buffer_pool::alloc(uint32_t capacity, weft_slice* out) {
    weft_buf* b = nullptr;
    const uint8_t size_class = capacity <= largest ? class_of(capacity) : class_none;
    if (size_class != class_none && free_[size_class].head) {
        auto& list = free_[size_class];
        b = list.head;
        list.head = b->next;
        --list.count;
        b->count.store(1, std::memory_order_relaxed);
        b->shared = false;
    } else {
        const uint32_t size = size_class != class_none ? smallest << size_class : capacity;
        void* memory = std::malloc(sizeof(weft_buf) + size);
        if (!memory) return nullptr;
        b = new (memory) weft_buf;
        b->size_class = size_class;
        b->capacity = size;
        b->pool = this;
    }
    ++live_;
    auto* data = reinterpret_cast<uint8_t*>(b + 1);
    *out = {b, data, capacity, 0};
    return data;
}

bool buffer_pool::wrap(weft_worker* charged, const void* p, uint32_t n, void (*on_free)(void*),
                       void* ctx, weft_slice* out) {
    weft_buf* b = headers_.head;
    if (b) {
        headers_.head = b->next;
        --headers_.count;
        b->count.store(1, std::memory_order_relaxed);
        b->shared = false;
    } else {
        void* memory = std::malloc(sizeof(weft_buf));
        if (!memory) return false;
        b = new (memory) weft_buf;
        b->size_class = class_none;
        b->pool = this;
    }
    b->release = on_free;
    b->ctx = ctx;
    b->charged = charged;
    ++charged->buffers;
    ++live_;
    *out = {b, static_cast<const uint8_t*>(p), n, 0};
    return true;
}

void buffer_pool::retain(weft_buf* b) {
    if (b->shared)
        b->count.fetch_add(1, std::memory_order_relaxed);
    else
        b->count.store(b->count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void buffer_pool::release(weft_buf* b) {
    if (b->shared) {
        if (b->count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        if (current_pool != b->pool) return b->pool->dispose_remote(b);
    } else {
        const int32_t left = b->count.load(std::memory_order_relaxed) - 1;
        b->count.store(left, std::memory_order_relaxed);
        if (left != 0) return;
    }
    b->pool->dispose(b);
}

void buffer_pool::dispose(weft_buf* b) {
    --live_;
    if (b->charged) {  // wrapped
        auto* on_free = b->release;
        void* ctx = b->ctx;
        weft_worker* charged = b->charged;
        --charged->buffers;
        b->release = nullptr;
        b->charged = nullptr;
        if (headers_.count < headers_max) {
            b->next = headers_.head;
            headers_.head = b;
            ++headers_.count;
        } else {
            b->~weft_buf();
            std::free(b);
        }
        if (on_free) on_free(ctx);
        if (charged->retiring) charged->loop->look_at_rest(charged);
        return;
    }
    if (b->size_class != class_none) {
        auto& list = free_[b->size_class];
        if ((list.count + 1) * b->capacity <= class_bytes_max) {
            b->next = list.head;
            list.head = b;
            ++list.count;
            return;
        }
    }
    b->~weft_buf();
    std::free(b);
}

void buffer_pool::dispose_remote(weft_buf* b) {
    bool first = false;
    {
        std::lock_guard lock(remote_mutex_);
        first = remote_.empty();
        remote_.push_back(b);
    }
    if (first) wake_();
}

void buffer_pool::reclaim() {
    std::vector<weft_buf*> batch;
    {
        std::lock_guard lock(remote_mutex_);
        batch.swap(remote_);
    }
    for (weft_buf* b : batch) dispose(b);
}

}  // namespace weft
