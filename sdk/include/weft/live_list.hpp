// live_list: the connections that an instance has, and what becomes of them when it is drained.
#pragma once

#include <weft/abi.h>
#include <weft/worker.hpp>

#include <cstdint>
#include <utility>

namespace weft {

// Of objects with `T *next, **to_this` for the list alone, `void move_on()`, which asks the other
// side to connect again, and `void say_goodbye()`, which ends it in good order. Owns none of them.
// On one worker. None may be freed while one of them is called: endpoints are freed in on_closed,
// which waits until a call of the instance has returned.
template <class T>
class live_list {
public:
    explicit live_list(worker w) : worker_(w) {}
    ~live_list() {
        if (deadline_timer_) worker_.cancel(deadline_timer_);
    }
    live_list(const live_list&) = delete;
    live_list& operator=(const live_list&) = delete;

    void add(T& t) {
        t.next = first_;
        t.to_this = &first_;
        if (first_) first_->to_this = &t.next;
        first_ = &t;
    }
    void remove(T& t) {
        *t.to_this = t.next;
        if (t.next) t.next->to_this = t.to_this;
    }

    // As weft_binding_vt.drain is called: all say goodbye at once when the process stops, else at
    // the deadline, if there is one. `ask`: whether they are asked to move until then.
    void drain(uint32_t why, uint64_t deadline_ns, bool ask) {
        if (deadline_timer_) worker_.cancel(std::exchange(deadline_timer_, 0));
        if (why == WEFT_DRAIN_STOP) return say_goodbye();
        if (ask)
            for (T* t = first_; t; t = t->next) t->move_on();
        if (deadline_ns != UINT64_MAX)
            deadline_timer_ = worker_.timer_at(deadline_ns, call<&live_list::on_deadline>, this);
    }
    // Is their time over?
    bool said_goodbye() const { return said_goodbye_; }

private:
    void on_deadline() {
        deadline_timer_ = 0;
        say_goodbye();
    }
    void say_goodbye() {
        said_goodbye_ = true;
        for (T* t = first_; t; t = t->next) t->say_goodbye();
    }

    const worker worker_;
    T* first_ = nullptr;
    uint64_t deadline_timer_ = 0;
    bool said_goodbye_ = false;
};

}  // namespace weft
