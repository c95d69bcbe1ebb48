// pipe: bytes on their way to one stream, as far as its credit goes, and the credit for them that
// its source gets. What the source may send is what the target takes, so little ever waits here: a
// head of ours before the first byte, and what arrived before the target was known.
#pragma once

#include <weft/meta.hpp>
#include <weft/worker.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace weft {

class pipe {
public:
    void open(stream to) { to_ = to; }

    // Straight through when nothing waits and the credit suffices: no copy, no allocation.
    void data(const weft_data& d) {
        if (waiting_.empty() && to_ && to_.credit() >= payload_size(d) + to_.padding()) {
            to_.data(slices(d));
            return;
        }
        hold(d);
        pump();
    }
    // Keeps it for later.
    void hold(const weft_data& d) {
        for (const auto& s : slices(d))
            if (s.len) push(chunk::retain(s));
    }
    void push(chunk c) {
        held_ += c.size();
        waiting_.push_back(std::move(c));
    }
    // Orderly, behind what waits.
    void end() {
        end_asked_ = true;
        pump();
    }
    // As end(), and says that our own side gives the connection up (tcp.reset): what the target
    // answers still reaches the peer.
    void give_up(std::string why) {
        if (!end_asked_) farewell_ = std::make_unique<std::string>(std::move(why));
        end();
    }
    // Sends what credit there is for. Call it when there is more.
    void pump() {
        if (!to_) return;
        size_t done = 0;
        for (; done < waiting_.size(); ++done) {
            auto& c = waiting_[done];
            const uint32_t credit = to_.credit(), padding = to_.padding();
            if (credit <= padding) break;
            const uint32_t n = std::min(c.size(), credit - padding);
            weft_slice part = c.slice();
            part.len = n;
            to_.data(part);
            held_ -= n;
            c.remove_prefix(n);
            if (!c.empty()) break;
        }
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(done));
        if (waiting_.empty() && end_asked_ && !ended_) {
            ended_ = true;
            if (!farewell_) return to_.end();
            meta_writer<weft_tcp_reset> m;
            m->text = m.text(*farewell_);
            to_.end(m.get());
        }
    }
    // Lets the source send what the target takes; `granted` is where its credit ends already.
    void grant(stream source, uint64_t& granted) const {
        if (!to_ || end_asked_) return;
        const uint64_t received = source.received(), until = received + to_.credit();
        const uint64_t edge = until > held_ ? until - held_ : 0;
        if (edge <= granted) return;
        granted = edge;
        const uint64_t pending = std::min(held_, received);
        source.window(static_cast<uint32_t>(edge - (received - pending)), pending);
    }
    // The target's handle is void.
    void close() {
        drop();
        to_ = {};
    }
    void drop() {
        waiting_.clear();
        held_ = 0;
    }
    bool idle() const { return waiting_.empty(); }
    uint64_t held() const { return held_; }  // bytes that wait
    bool ended() const { return ended_; }
    // Nothing more may be sent through it.
    bool ending() const { return end_asked_; }

private:
    stream to_;
    std::unique_ptr<std::string> farewell_;
    std::vector<chunk> waiting_;
    uint64_t held_ = 0;
    bool end_asked_ = false, ended_ = false;
};

}  // namespace weft
