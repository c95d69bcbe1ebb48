// Real TCP sockets on the loopback for tests.
#pragma once

#include "address.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace weft::tcp {

class listening_socket {
public:
    explicit listening_socket(const char* host = "127.0.0.1", int backlog = 16, int flags = 0) {
        auto a = *socket_address::parse(host, 0);
        fd_ = socket(a.family(), SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
        if (bind(fd_, &a.generic, a.size()) != 0 || listen(fd_, backlog) != 0) stop();
    }
    ~listening_socket() { stop(); }
    listening_socket(const listening_socket&) = delete;
    listening_socket& operator=(const listening_socket&) = delete;

    int fd() const { return fd_; }
    bool ok() const { return fd_ >= 0; }
    uint16_t port() const { return socket_address::local_of(fd_).port(); }
    int accept_one() const { return accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }
    void stop() {
        if (fd_ >= 0) close(fd_);
        fd_ = -1;
    }

private:
    int fd_ = -1;
};

// {ours, the peer's}: ours non-blocking with a small send buffer.
inline std::pair<int, int> connected_pair() {
    const listening_socket l;
    auto a = *socket_address::parse("127.0.0.1", l.port());
    const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int small = 8 * 1024;
    setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (connect(peer, &a.generic, a.size()) != 0) return {-1, -1};
    const int ours = l.accept_one();
    setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fcntl(ours, F_SETFL, O_NONBLOCK);
    return {ours, peer};
}

inline void close_with_rst(int fd) {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

// What the peer sees at the end of its input: "fin", "rst", "open".
inline std::string end_of(int fd, std::string& content) {
    char buffer[4096];
    for (;;) {
        const ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n == 0) return "fin";
        if (n < 0) return errno == EAGAIN ? "open" : "rst";
        content.append(buffer, static_cast<size_t>(n));
    }
}

}  // namespace weft::tcp
