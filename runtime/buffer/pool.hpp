// Buffers of one worker: pooled memory and wrapped foreign memory behind weft_slice, counted.
//
// A count is plain while only its worker uses the buffer and atomic once shared. The last release
// on another thread hands the buffer back to its worker, since release callbacks and free lists
// belong to it.
#pragma once

#include <weft/abi.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace weft {
class buffer_pool;
}

struct weft_buf {
    std::atomic<int32_t> count{1};
    bool shared = false;
    uint8_t size_class = 0;
    uint32_t capacity = 0;
    weft::buffer_pool* pool = nullptr;
    void (*release)(void* ctx) = nullptr;  // wrapped memory only
    void* ctx = nullptr;
    weft_worker* charged = nullptr;  // the instance that wrapped it
    weft_buf* next = nullptr;        // free list
};

namespace weft {

class buffer_pool {
public:
    // Smallest and largest pooled sizes; larger buffers come from and go to malloc.
    static constexpr uint32_t smallest = 256, largest = 256 * 1024;
    static constexpr size_t class_count = 11;                   // powers of two
    static constexpr size_t class_bytes_max = 2 * 1024 * 1024;  // kept free per class

    // `wake` is called, from any thread, when another thread has released a buffer: reclaim()
    // should run on the owning thread soon.
    explicit buffer_pool(std::function<void()> wake);
    ~buffer_pool();
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;

    uint8_t* alloc(uint32_t capacity, weft_slice* out);
    bool wrap(weft_worker* charged, const void* p, uint32_t n, void (*on_free)(void*), void* ctx,
              weft_slice* out);

    static void retain(weft_buf* b);
    static void release(weft_buf* b);
    static void share(weft_buf* b) { b->shared = true; }

    void bind_to_current_thread();
    void reclaim();
    uint64_t live() const { return live_; }

private:
    struct free_list {
        weft_buf* head = nullptr;
        size_t count = 0;
    };

    void dispose(weft_buf* b);
    void dispose_remote(weft_buf* b);

    std::array<free_list, class_count> free_{};
    free_list headers_{};  // of wrapped buffers
    uint64_t live_ = 0;
    std::function<void()> wake_;
    std::mutex remote_mutex_;
    std::vector<weft_buf*> remote_;
};

}  // namespace weft
