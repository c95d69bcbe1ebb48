#include "send_lanes.hpp"

#include "limits.hpp"

#include <algorithm>

namespace weft::kafka::client {

send_lane& send_lanes::lane(topic& t, int32_t partition, int32_t leader) {
    const auto at = static_cast<size_t>(partition);
    if (at >= t.size()) t.resize(at + 1);
    if (!t[at]) {
        t[at] = std::make_unique<send_lane>();
        t[at]->partition = partition;
    }
    send_lane& l = *t[at];
    // While it has records it stays in the line it stands in.
    if (!l.broker || (l.inside == 0 && !l.in_line)) l.broker = &brokers_[leader];
    return l;
}

void send_lanes::begin(send_lane& l, uint64_t turn) {
    l.turn = turn;
    l.counted = true;
    ++l.broker->bursts;
    counted_.push_back(&l);
}

void send_lanes::stop_counting(send_lane& l) {
    if (!l.counted) return;
    l.counted = false;
    --l.broker->bursts;
    *std::find(counted_.begin(), counted_.end(), &l) = counted_.back();
    counted_.pop_back();
}

void send_lanes::stand_in_line(send_lane& l) {
    if (l.in_line) return;
    l.in_line = true;
    l.broker->line.push_back(&l);
    ++in_line_;
}

bool send_lanes::admits(send_lane& l, uint64_t turn) {
    if (l.first) return false;
    if (l.inside > 0) return l.turn == turn;
    if (l.broker->bursts >= limits::bursts_max || !l.broker->line.empty()) return false;
    begin(l, turn);
    return true;
}

void send_lanes::hold(send_lane& l, held& r) {
    if (l.last)
        l.last->after = &r;
    else
        l.first = &r;
    l.last = &r;
    if (l.inside == 0) stand_in_line(l);
}

void send_lanes::answered(send_lane& l) {
    if (--l.inside > 0) return;
    stop_counting(l);
    if (l.first) stand_in_line(l);
}

void send_lanes::not_sent(send_lane& l) {
    if (l.inside > 0) return;  // it goes on when those are answered
    stop_counting(l);
    if (!l.first || l.in_line) return;
    l.in_line = true;
    stuck_.push_back(&l);
}

void send_lanes::retry() {
    for (send_lane* l : stuck_) {
        l->in_line = false;
        stand_in_line(*l);
    }
    stuck_.clear();
}

send_lane* send_lanes::next(uint64_t turn) {
    if (in_line_ == 0) return nullptr;
    for (auto& [id, b] : brokers_) {
        if (b.line.empty() || b.bursts >= limits::bursts_max) continue;
        send_lane& l = *b.line.front();
        b.line.pop_front();
        l.in_line = false;
        --in_line_;
        begin(l, turn);
        return &l;
    }
    return nullptr;
}

void send_lanes::discount(uint64_t turn) {
    for (size_t i = counted_.size(); i-- > 0;)
        if (counted_[i]->turn < turn) stop_counting(*counted_[i]);
}

}  // namespace weft::kafka::client
