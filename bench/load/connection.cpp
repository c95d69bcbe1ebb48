#include "connection.hpp"

#include <sys/epoll.h>

#include <stdexcept>
#include <utility>

namespace load {

connection::connection(loop& l, const endpoint& to, std::string_view client_id, handler on_packet)
    : loop_(l), transport_(to), on_packet_(std::move(on_packet)) {
    loop_.add(transport_.fd(), EPOLLIN, this);
    put_connect(out_, client_id);
    flush();
}

void connection::flush() {
    // Also with nothing to say: what was taken before may not have left.
    for (size_t n = 1; n > 0 && (sent_ < out_.size() || transport_.pending()); sent_ += n)
        n = transport_.send(std::string_view(out_).substr(sent_));
    const bool left = sent_ < out_.size() || transport_.pending();
    if (sent_ == out_.size()) {
        out_.clear();
        sent_ = 0;
    }
    if (left != waits_for_write_) {
        waits_for_write_ = left;
        loop_.modify(transport_.fd(), left ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
    }
}

void connection::on_ready(uint32_t events) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_some();
    if ((events & EPOLLOUT) != 0) flush();
}

void connection::read_some() {
    transport_.receive(in_);
    size_t at = 0;
    while (const auto f = next_frame(std::string_view(in_).substr(at))) {
        if (f->type == connack) {
            on_connack(*f);
        } else if (f->type == 14) {
            throw std::runtime_error("the server said DISCONNECT");
        }
        on_packet_(*this, *f);
        at += f->size;
    }
    in_.erase(0, at);
    if (in_.empty()) in_.shrink_to_fit();  // thousands of idle ones should cost little here, too
}

void connection::on_connack(const frame& f) {
    if (f.body.at(1) != 0) throw std::runtime_error("CONNECT was refused");
    connected_ = true;
    // Receive Maximum (0x21) is found without a full parser: walk the few kinds a CONNACK has.
    for (size_t at = 3; at < f.body.size();) {
        const auto id = static_cast<uint8_t>(f.body[at++]);
        if (id == 0x21) receive_maximum_ = get_u16(f.body, at);
        if (id == 0x21 || id == 0x22 || id == 0x13) {
            at += 2;
        } else if (id == 0x11 || id == 0x27) {
            at += 4;
        } else if (id == 0x24 || id == 0x25 || id == 0x28 || id == 0x29 || id == 0x2a) {
            at += 1;
        } else if (id == 0x12 || id == 0x15 || id == 0x1a || id == 0x1c || id == 0x1f) {
            at += 2 + static_cast<size_t>(get_u16(f.body, at));
        } else {
            break;
        }
    }
}

}  // namespace load
