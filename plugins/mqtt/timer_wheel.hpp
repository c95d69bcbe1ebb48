// timer_wheel: coarse timeouts of many connections with one timer of the worker. Arming and
// cancelling are O(1) and allocate nothing: the links are in the connection.
//
// A connection that is active does not re-arm on every packet: it notes when it was last heard of,
// and arms again for the rest when its node expires.
#pragma once

#include <array>
#include <cstdint>

namespace weft::mqtt {

class timer_wheel {
public:
    using tick = uint32_t;

    struct node {
        node* prev = nullptr;
        node* next = nullptr;
        tick due = 0;
        bool armed() const { return next != nullptr; }
    };

    timer_wheel() {
        for (auto& s : slots_) s.prev = s.next = &s;
    }
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    bool empty() const { return count_ == 0; }
    tick now() const { return now_; }
    // Only while the wheel is empty: nothing is looked for in between.
    void start_at(tick t) { now_ = t; }

    void arm(node& n, tick due) {
        cancel(n);
        if (static_cast<int32_t>(due - now_) <= 0) due = now_ + 1;
        n.due = due;
        link(n);
        ++count_;
    }
    void cancel(node& n) {
        if (!n.armed()) return;
        unlink(n);
        --count_;
    }

    // Calls expired(node&) for every node due up to `to`; the node is no longer armed then and may
    // be armed again or destroyed.
    template <class F>
    void advance(tick to, F&& expired) {
        while (static_cast<int32_t>(to - now_) > 0) {
            ++now_;
            node due;  // nodes of this slot, taken out so that expired() may arm and cancel freely
            take(slot(now_), due);
            while (due.next != &due) {
                node& n = *due.next;
                unlink(n);
                if (static_cast<int32_t>(n.due - now_) > 0) {
                    link(n);  // a later turn of the wheel
                } else {
                    --count_;
                    expired(n);
                }
            }
        }
    }

private:
    static constexpr tick slots = 256;

    node& slot(tick t) { return slots_[t % slots]; }
    void link(node& n) {
        // Beyond one turn it waits in the slot looked at last, and is linked anew from there.
        const tick at = n.due - now_ < slots ? n.due : now_ + slots - 1;
        node& s = slot(at);
        n.prev = s.prev;
        n.next = &s;
        s.prev->next = &n;
        s.prev = &n;
    }
    static void unlink(node& n) {
        n.prev->next = n.next;
        n.next->prev = n.prev;
        n.prev = n.next = nullptr;
    }
    static void take(node& from, node& to) {
        if (from.next == &from) {
            to.prev = to.next = &to;
            return;
        }
        to.next = from.next;
        to.prev = from.prev;
        to.next->prev = &to;
        to.prev->next = &to;
        from.prev = from.next = &from;
    }

    std::array<node, slots> slots_;
    tick now_ = 0;
    uint32_t count_ = 0;
};

}  // namespace weft::mqtt
