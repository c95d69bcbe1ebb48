// An append-only array whose items never move: one thread appends, any thread reads what is below
// size(). Chunks double in size, so small arrays are small and an index costs two instructions more
// than in a vector.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace weft::kafka {

template <class T, uint32_t FirstBits = 4>
class stable_array {
public:
    stable_array() = default;
    stable_array(const stable_array&) = delete;
    stable_array& operator=(const stable_array&) = delete;
    ~stable_array() {
        for (auto& c : chunks_) delete[] c.load(std::memory_order_relaxed);
    }

    uint32_t size() const { return size_.load(std::memory_order_acquire); }
    bool empty() const { return size() == 0; }

    const T& operator[](uint32_t i) const { return *slot(i); }
    T& operator[](uint32_t i) { return *slot(i); }

    // The new item is value-initialised by `init` before readers can see it.
    template <class F>
    void append(F&& init) {
        const uint32_t n = size_.load(std::memory_order_relaxed);
        const uint32_t c = chunk_of(n);
        if (!chunks_[c].load(std::memory_order_relaxed)) {
            chunks_[c].store(new T[chunk_size(c)](), std::memory_order_relaxed);
            bytes_ += chunk_size(c) * sizeof(T);
        }
        init(*slot(n));
        size_.store(n + 1, std::memory_order_release);
    }

    size_t bytes() const { return bytes_; }  // writer only

private:
    static constexpr uint32_t chunk_of(uint32_t i) {
        return static_cast<uint32_t>(std::bit_width((i >> FirstBits) + 1u)) - 1;
    }
    static constexpr uint32_t chunk_size(uint32_t c) { return (1u << FirstBits) << c; }
    static constexpr uint32_t chunk_start(uint32_t c) { return ((1u << c) - 1) << FirstBits; }
    T* slot(uint32_t i) const {
        const uint32_t c = chunk_of(i);
        return chunks_[c].load(std::memory_order_relaxed) + (i - chunk_start(c));
    }

    std::array<std::atomic<T*>, 32 - FirstBits> chunks_{};
    std::atomic<uint32_t> size_{0};
    size_t bytes_ = 0;
};

}  // namespace weft::kafka
