#include "worker/handles.hpp"

namespace weft {

uint32_t handle_table::take_slot() {
    if (free_head_) {
        const uint32_t index = free_head_;
        free_head_ = slots_[index].next_free;
        return index;
    }
    slots_.emplace_back();
    return static_cast<uint32_t>(slots_.size() - 1);
}

void handle_table::free_slot(uint32_t index) {
    const uint32_t generation = slots_[index].generation + 1;
    slots_[index] = {};
    slots_[index].generation = generation ? generation : 1;
    slots_[index].next_free = free_head_;
    free_head_ = index;
}

uint64_t handle_table::add_timer(weft_worker* owner, uint64_t at_ns, void (*fn)(void*), void* ctx) {
    const uint32_t index = take_slot();
    auto& s = slots_[index];
    s.kind = handle_slot::type::timer;
    s.owner = owner;
    s.timer_fn = fn;
    s.ctx = ctx;
    heap_.push_back({at_ns, index});
    place(static_cast<uint32_t>(heap_.size() - 1), heap_.back());
    sift_up(s.heap_index);
    return id_of(index);
}

uint64_t handle_table::add_watch(weft_worker* owner, int fd, uint32_t events,
                                 void (*fn)(void*, uint32_t), void* ctx) {
    const uint32_t index = take_slot();
    auto& s = slots_[index];
    s.kind = handle_slot::type::watch;
    s.fd = fd;
    s.events = static_cast<uint8_t>(events);
    s.owner = owner;
    s.watch_fn = fn;
    s.ctx = ctx;
    return id_of(index);
}

handle_slot* handle_table::find(uint64_t id) {
    const auto index = static_cast<uint32_t>(id);
    if (index == 0 || index >= slots_.size()) return nullptr;
    auto& s = slots_[index];
    if (s.kind == handle_slot::type::free || s.generation != id >> 32) return nullptr;
    return &s;
}

void handle_table::remove(uint64_t id) {
    const auto* s = find(id);
    if (!s) return;
    if (s->kind == handle_slot::type::timer) heap_remove(s->heap_index);
    free_slot(static_cast<uint32_t>(id));
}

std::vector<uint64_t> handle_table::owned_by(const weft_worker* owner) const {
    std::vector<uint64_t> out;
    for (uint32_t i = 1; i < slots_.size(); ++i)
        if (slots_[i].kind != handle_slot::type::free && slots_[i].owner == owner)
            out.push_back(id_of(i));
    return out;
}

bool handle_table::pop_due(uint64_t now_ns, handle_slot& out) {
    if (heap_.empty()) return false;
    const auto [at_ns, index] = heap_.front();
    if (at_ns > now_ns) return false;
    out = slots_[index];
    heap_remove(0);
    free_slot(index);
    return true;
}

void handle_table::place(uint32_t position, const due& d) {
    heap_[position] = d;
    slots_[d.slot].heap_index = position;
}

void handle_table::heap_remove(uint32_t position) {
    const due last = heap_.back();
    heap_.pop_back();
    if (position == heap_.size()) return;
    place(position, last);
    sift_up(position);
    sift_down(slots_[last.slot].heap_index);
}

void handle_table::sift_up(uint32_t position) {
    while (position > 0) {
        const uint32_t parent = (position - 1) / 2;
        const due a = heap_[position], b = heap_[parent];
        if (a.at_ns >= b.at_ns) return;
        place(parent, a);
        place(position, b);
        position = parent;
    }
}

void handle_table::sift_down(uint32_t position) {
    const auto size = static_cast<uint32_t>(heap_.size());
    for (;;) {
        uint32_t least = position;
        for (uint32_t child = 2 * position + 1; child <= 2 * position + 2 && child < size; ++child)
            if (heap_[child].at_ns < heap_[least].at_ns) least = child;
        if (least == position) return;
        const due a = heap_[position], b = heap_[least];
        place(position, b);
        place(least, a);
        position = least;
    }
}

}  // namespace weft
