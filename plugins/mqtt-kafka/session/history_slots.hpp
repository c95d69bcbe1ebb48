// How many sessions of a worker read history at a time. Who finds no slot takes that of a session
// that waits for its client, or waits in line.
#pragma once

#include <cstdint>
#include <deque>

namespace weft::mqtt_kafka {

class slot_holder {
public:
    virtual void give_up_slot() = 0;  // it is somebody else's already
    virtual void on_slot() = 0;       // after waiting in line

protected:
    ~slot_holder() = default;
};

class history_slots {
public:
    explicit history_slots(uint32_t max) : free_(max) {}

    // False: `c` is in line and gets on_slot().
    bool acquire(slot_holder& c) {
        if (line_.empty() && free_ > 0) {
            --free_;
            return true;
        }
        if (line_.empty() && !idle_.empty()) {
            slot_holder* loser = idle_.front();
            idle_.pop_front();
            loser->give_up_slot();
            return true;
        }
        line_.push_back(&c);
        return false;
    }
    void leave_line(slot_holder& c) { std::erase(line_, &c); }

    // The holder waits for its client: anybody may have the slot. False when somebody in line wants
    // it now; then it is given up.
    bool idle(slot_holder& c) {
        if (!line_.empty()) return false;
        idle_.push_back(&c);
        return true;
    }
    void busy(slot_holder& c) { std::erase(idle_, &c); }

    void release(slot_holder& c) {
        std::erase(idle_, &c);
        ++free_;
    }
    // Gives free slots to those in line.
    void serve() {
        while (free_ > 0 && !line_.empty()) {
            slot_holder* c = line_.front();
            line_.pop_front();
            --free_;
            c->on_slot();
        }
    }

private:
    uint32_t free_;
    std::deque<slot_holder*> line_, idle_;
};

}  // namespace weft::mqtt_kafka
