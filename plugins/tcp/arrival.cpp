#include "arrival.hpp"

#include "proxy_header.hpp"
#include "server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace weft::tcp {

namespace {

// The peer has sent FIN, so what is there is all.
bool is_all(int fd) {
    pollfd p{fd, POLLRDHUP, 0};
    return poll(&p, 1, 0) == 1;
}

}  // namespace

arrival::~arrival() {
    if (timer_) owner_.here().cancel(timer_);
    if (watch_) owner_.here().cancel(watch_);
    if (asked_) owner_.forget_question(asked_);
    if (who_.fd >= 0) owner_.close_socket(who_.fd);
}

accepted arrival::take() {
    set_least(1);
    if (watch_) owner_.here().cancel(std::exchange(watch_, 0));
    return std::exchange(who_, accepted{});
}

void arrival::start() {
    if (!look()) return;
    limit_time();
    watch_ = owner_.here().watch(who_.fd, WEFT_READABLE, call<&arrival::on_ready>, this);
    if (!watch_) owner_.end_arrival(*this);
}

void arrival::limit_time() {
    if (timer_ == 0)
        timer_ = owner_.here().timer_in_ms(owner_.arrival_timeout_ms(), call<&arrival::on_timeout>,
                                           this);
}

void arrival::await_guard(uint64_t number) {
    awaits_ = awaits::guard;
    asked_ = number;
    set_least(1);
    // What the client says meanwhile waits in the kernel, and would wake us for nothing.
    if (watch_) owner_.here().cancel(std::exchange(watch_, 0));
    limit_time();
}

void arrival::on_ready(uint32_t) {
    look();
}

void arrival::on_timeout() {
    timer_ = 0;
    refuse("did not come within " + std::to_string(owner_.arrival_timeout_ms()) + " ms");
}

bool arrival::look() {
    if (awaits_ == awaits::proxy_header) return look_for_header();
    char first = 0;
    const ssize_t n = recv(who_.fd, &first, 1, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return owner_.end_arrival(*this), false;  // it left; that is nobody's fault
    owner_.first_byte_seen(*this, static_cast<uint8_t>(first));
    return false;
}

bool arrival::look_for_header() {
    std::array<char, limits::proxy_header_bytes_max> bytes;
    const ssize_t n = recv(who_.fd, bytes.data(), bytes.size(), MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return owner_.end_arrival(*this), false;
    const auto h = read_proxy_header({bytes.data(), static_cast<size_t>(n)});
    switch (h.is) {
        case proxy_header::state::malformed:
            return refuse(std::string("is malformed: ") + h.why), false;
        case proxy_header::state::incomplete:
            if (is_all(who_.fd)) return refuse("has no end"), false;
            // Looked at again when there is more: a level-triggered watch would report what is
            // there for ever.
            set_least(h.size);
            return true;
        case proxy_header::state::complete:
            break;
    }
    if (recv(who_.fd, bytes.data(), h.size, 0) != static_cast<ssize_t>(h.size))
        return owner_.end_arrival(*this), false;
    owner_.header_read(*this, h);  // the same bytes are there again, so what it refers to is
    return false;
}

void arrival::refuse(const std::string& why) {
    const char* what = awaits_ == awaits::proxy_header ? "its PROXY header "
                       : awaits_ == awaits::first_byte ? "the first byte of its client "
                                                       : "the answer of its guard ";
    owner_.refuse_arrival(*this, what + why);
}

void arrival::set_least(uint32_t bytes) {
    if (std::exchange(least_, bytes) == bytes) return;
    const int value = static_cast<int>(bytes);
    setsockopt(who_.fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

}  // namespace weft::tcp
