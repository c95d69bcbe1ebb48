// slab: objects of one type that come and go, side by side in blocks. None costs a header of the
// allocator or links to its neighbours, and whoever owns them can still go through all: for objects
// of which there are as many as connections.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace weft {

template <class T>
class slab {
public:
    slab() = default;
    slab(const slab&) = delete;
    slab& operator=(const slab&) = delete;
    ~slab() {
        for_each([](T& t) { t.~T(); });
    }

    size_t size() const { return size_; }

    template <class... A>
    T* make(A&&... args) {
        block* b = with_room_ ? with_room_ : add_block();
        const size_t at = b->first_free();
        T* t = ::new (b->place(at)) T(std::forward<A>(args)...);
        b->flip(at);
        if (++b->used == places) unlink(b);
        ++size_;
        return t;
    }

    void destroy(T* t) {
        t->~T();
        const auto owner = block_of(t);
        block* b = owner->get();
        b->flip(static_cast<size_t>(reinterpret_cast<std::byte*>(t) - b->place(0)) / sizeof(T));
        if (b->used-- == places) link(b);
        --size_;
        // The last one with room stays, so that one object that comes and goes costs no block.
        if (b->used != 0 || (with_room_ == b && !b->next)) return;
        unlink(b);
        blocks_.erase(owner);
    }

    // f neither makes nor destroys any.
    template <class F>
    void for_each(F&& f) {
        for (const auto& b : blocks_)
            for (size_t word = 0; word < words; ++word)
                for (uint64_t left = b->live[word]; left != 0; left &= left - 1)
                    f(*b->object(word * 64 + static_cast<size_t>(std::countr_zero(left))));
    }

private:
    // A little less than a power of two: an allocator adds its own to it.
    static constexpr size_t block_bytes = (16u << 10) - 64;
    static constexpr size_t places = std::max<size_t>((block_bytes - 128) / sizeof(T), 1);
    static constexpr size_t words = (places + 63) / 64;

    struct block {
        block *previous = nullptr, *next = nullptr;  // of those with room
        size_t used = 0;
        std::array<uint64_t, words> live{};
        alignas(T) std::byte memory[places * sizeof(T)];

        std::byte* place(size_t at) { return memory + at * sizeof(T); }
        T* object(size_t at) { return std::launder(reinterpret_cast<T*>(place(at))); }
        void flip(size_t at) { live[at / 64] ^= uint64_t{1} << at % 64; }
        size_t first_free() const {
            size_t word = 0;
            while (live[word] == UINT64_MAX) ++word;
            return word * 64 + static_cast<size_t>(std::countr_one(live[word]));
        }
    };
    using block_list = std::vector<std::unique_ptr<block>>;  // by address

    block* add_block() {
        std::unique_ptr<block> fresh(new block);  // its memory is not touched before it is used
        block* b = fresh.get();
        blocks_.insert(behind(b), std::move(fresh));
        link(b);
        return b;
    }
    typename block_list::iterator behind(const void* p) {
        return std::upper_bound(
            blocks_.begin(), blocks_.end(), p,
            [](const void* a, const auto& b) { return std::less<const void*>()(a, b.get()); });
    }
    typename block_list::iterator block_of(const T* t) { return behind(t) - 1; }

    void link(block* b) {
        b->previous = nullptr;
        b->next = with_room_;
        if (with_room_) with_room_->previous = b;
        with_room_ = b;
    }
    void unlink(block* b) {
        (b->previous ? b->previous->next : with_room_) = b->next;
        if (b->next) b->next->previous = b->previous;
    }

    block_list blocks_;
    block* with_room_ = nullptr;
    size_t size_ = 0;
};

}  // namespace weft
