// Timers and descriptor watches of a worker: ids that are safe to cancel twice, a heap of
// deadlines.
#pragma once

#include <weft/abi.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace weft {

// A timer or watch. Ids carry a generation, so a stale id finds nothing.
struct handle_slot {
    enum class type : uint8_t { free, timer, watch };
    uint32_t generation = 1;
    type kind = type::free;
    uint8_t events = 0;  // watch
    union {
        uint32_t next_free = 0;  // free
        uint32_t heap_index;     // timer
        int fd;                  // watch
    };
    weft_worker* owner = nullptr;
    union {
        void (*timer_fn)(void*) = nullptr;
        void (*watch_fn)(void*, uint32_t);
    };
    void* ctx = nullptr;
};

class handle_table {
public:
    handle_table() : slots_(1) {}  // slot 0 is never used: id 0 means none

    uint64_t add_timer(weft_worker* owner, uint64_t at_ns, void (*fn)(void*), void* ctx);
    uint64_t add_watch(weft_worker* owner, int fd, uint32_t events, void (*fn)(void*, uint32_t),
                       void* ctx);
    // The live slot of an id, or null. Valid until the next add or remove.
    handle_slot* find(uint64_t id);
    void remove(uint64_t id);
    std::vector<uint64_t> owned_by(const weft_worker* owner) const;

    bool has_timers() const { return !heap_.empty(); }
    uint64_t next_deadline() const { return heap_.front().at_ns; }
    // Takes the earliest timer that is due: its slot is free afterwards. False when none is.
    bool pop_due(uint64_t now_ns, handle_slot& out);

private:
    struct due {
        uint64_t at_ns;
        uint32_t slot;
    };
    uint32_t take_slot();
    void free_slot(uint32_t index);
    uint64_t id_of(uint32_t index) const {
        return (uint64_t{slots_[index].generation} << 32) | index;
    }
    void heap_remove(uint32_t position);
    void sift_up(uint32_t position);
    void sift_down(uint32_t position);
    void place(uint32_t position, const due& d);

    std::deque<handle_slot> slots_;  // one per connection: grows by pieces and copies nothing
    std::vector<due> heap_;          // earliest first
    uint32_t free_head_ = 0;
};

}  // namespace weft
