// How many history streams a worker reads at a time; who finds none waits in line.
#pragma once

#include <cstdint>
#include <deque>

namespace weft::mqtt_kafka {

class catch_up;

class history_slots {
public:
    explicit history_slots(uint32_t max) : free_(max) {}

    // False: `c` is in line and gets on_slot().
    bool acquire(catch_up& c) {
        if (free_ > 0 && line_.empty()) {
            --free_;
            return true;
        }
        line_.push_back(&c);
        return false;
    }
    void leave_line(catch_up& c) { std::erase(line_, &c); }
    void release() { ++free_; }
    // Gives free slots to those in line.
    template <class Give>
    void serve(Give&& give) {
        while (free_ > 0 && !line_.empty()) {
            catch_up* c = line_.front();
            line_.pop_front();
            --free_;
            give(*c);
        }
    }

private:
    uint32_t free_;
    std::deque<catch_up*> line_;
};

}  // namespace weft::mqtt_kafka
