#include "lingering.hpp"

#include "socket_io.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace weft::tcp {

lingering::~lingering() {
    if (timer_) hub_.here().cancel(timer_);
    if (watch_) hub_.here().cancel(watch_);
    // What the peer did not take in time is lost to it: RST says so, FIN would pretend it was all.
    if (queue_ && !queue_->empty()) close_with_reset(fd_);
    hub_.give_back(std::move(queue_));
    hub_.close_socket(fd_);
}

void lingering::start() {
    const worker& w = hub_.here();
    timer_ = w.timer_in_ms(limits::linger_ms, call<&lingering::on_timeout>, this);
    watch_ = w.watch(fd_, WEFT_READABLE, call<&lingering::on_ready>, this);
    if (!watch_ || !write()) hub_.end_linger(*this);
}

void lingering::on_timeout() {
    timer_ = 0;
    hub_.end_linger(*this);
}

void lingering::on_ready(uint32_t events) {
    const bool more = (!(events & WEFT_WRITABLE) || write()) &&
                      (!(events & (WEFT_READABLE | WEFT_HANGUP)) || discard());
    if (!more) hub_.end_linger(*this);
}

bool lingering::write() {
    if (!queue_) return true;
    const uint32_t before = queue_->bytes();
    const int error = write_some(fd_, *queue_);
    hub_.bytes_sent.add(before - queue_->bytes());
    if (error != 0) {
        queue_->clear();
        return false;
    }
    if (!queue_->empty()) {
        hub_.here().modify(watch_, WEFT_READABLE | WEFT_WRITABLE);
        return true;
    }
    hub_.give_back(std::move(queue_));
    hub_.here().modify(watch_, WEFT_READABLE);
    return shutdown(fd_, SHUT_WR) == 0;
}

bool lingering::discard() {
    char sink[16 * 1024];
    const ssize_t n = recv(fd_, sink, sizeof sink, 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    // The peer's FIN with something of ours still to be written: only the time limit ends it then.
    if (n == 0 && queue_) {
        hub_.here().modify(watch_, WEFT_WRITABLE);
        return true;
    }
    discarded_ += static_cast<uint64_t>(n);
    return n > 0 && discarded_ <= limits::linger_bytes_max;
}

}  // namespace weft::tcp
