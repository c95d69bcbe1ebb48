// The peer of a connection in tests of the whole plugin, and what those tests share.
#pragma once

#include "sockets.hpp"

#include <weft/testing.hpp>

#include <gtest/gtest.h>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::tcp {

inline constexpr uint32_t plenty = 1 << 20;
inline constexpr uint16_t asked_port = 7183;  // the kit gives out another one in its place

// A socket of the test.
class remote {
public:
    explicit remote(int fd) : fd_(fd) { fcntl(fd_, F_SETFL, O_NONBLOCK); }
    explicit remote(uint16_t port) : remote(connected_to(port)) {}
    ~remote() { leave(); }
    remote(const remote&) = delete;
    remote& operator=(const remote&) = delete;

    void send(std::string_view text) const {
        ASSERT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // As much as the kernel takes now.
    size_t send_some(std::string_view text) const {
        const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        return n < 0 ? 0 : static_cast<size_t>(n);
    }
    void send_fin() const { shutdown(fd_, SHUT_WR); }
    void leave() {
        if (fd_ >= 0) close(std::exchange(fd_, -1));
    }
    void send_rst() { close_with_rst(std::exchange(fd_, -1)); }
    // "fin", "rst" or "open", once all that has come is in `got`.
    std::string end() { return end_of(fd_, got); }

    std::string got;

private:
    static int connected_to(uint16_t port) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto a = *socket_address::parse("127.0.0.1", port);
        EXPECT_EQ(connect(fd, &a.generic, a.size()), 0) << errno;
        return fd;
    }
    int fd_;
};

}  // namespace weft::tcp
