// lingering: the rest of a socket's life after its stream is over. Writes what is queued, sends
// FIN, reads and drops until the peer's FIN. Ends by closing, at the latest after
// limits::linger_ms.
#pragma once

#include "hub.hpp"

namespace weft::tcp {

class lingering {
public:
    lingering(hub& h, int fd, queue_ptr q) : hub_(h), queue_(std::move(q)), fd_(fd) {}
    ~lingering();
    lingering(const lingering&) = delete;
    lingering& operator=(const lingering&) = delete;

    void start();     // may end it, and so delete this
    size_t slot = 0;  // the hub's

private:
    void on_ready(uint32_t events);
    void on_timeout();
    bool write();    // false: over
    bool discard();  // false: over

    hub& hub_;
    queue_ptr queue_;  // null once everything is written and FIN sent
    uint64_t watch_ = 0, timer_ = 0, discarded_ = 0;
    int fd_;
};

}  // namespace weft::tcp
