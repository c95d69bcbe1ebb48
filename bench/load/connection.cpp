#include "connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace load {

connection::connection(loop& l, uint16_t port, std::string_view client_id, handler on_packet)
    : loop_(l), on_packet_(std::move(on_packet)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // Blocking, as a connect on loopback is at once; the rest is not.
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        const int error = errno;
        close(fd_);
        throw std::system_error(error, std::generic_category(), "connect");
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    loop_.add(fd_, EPOLLIN, this);
    put_connect(out_, client_id);
    flush();
}

connection::~connection() {
    close(fd_);
}

void connection::flush() {
    while (sent_ < out_.size()) {
        const ssize_t n =
            send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) throw std::system_error(errno, std::generic_category(), "send");
        sent_ += static_cast<size_t>(n);
    }
    const bool left = sent_ < out_.size();
    if (!left) {
        out_.clear();
        sent_ = 0;
    }
    if (left != waits_for_write_) {
        waits_for_write_ = left;
        loop_.modify(fd_, left ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
    }
}

void connection::on_ready(uint32_t events) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_some();
    if ((events & EPOLLOUT) != 0) flush();
}

void connection::read_some() {
    static std::array<char, 65536> buffer;  // one thread, and nothing of it survives the call
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) throw std::runtime_error("the server closed a connection");
    in_.append(buffer.data(), static_cast<size_t>(n));
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
