#include "client/socket_pairs.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace weft::kafka::client {
namespace {

struct pairs : testing::Test {
    std::vector<connect_request> requests;
    socket_pairs sockets{[this](connect_request r) { requests.push_back(std::move(r)); }};

    static bool writable(int fd) {
        pollfd p{fd, POLLOUT, 0};
        return ::poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
    }
    static void take(connect_request& r) {
        std::vector<char> zeros(r.withheld);
        size_t got = 0;
        while (got < zeros.size()) {
            const ssize_t n = ::read(r.end.get(), zeros.data() + got, zeros.size() - got);
            ASSERT_GT(n, 0);
            got += static_cast<size_t>(n);
        }
        for (const char c : zeros) ASSERT_EQ(c, 0);
    }
};

TEST_F(pairs, connected_only_once_the_withheld_bytes_are_taken) {
    const int fd = sockets.open_socket();
    ASSERT_GE(fd, 0);
    EXPECT_TRUE(writable(fd));
    ASSERT_EQ(sockets.connect_socket(fd, "broker:9092"), 0);
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].node, "broker:9092");
    EXPECT_FALSE(writable(fd));
    take(requests[0]);
    EXPECT_TRUE(writable(fd));

    // From here on bytes pass unchanged.
    ASSERT_EQ(::write(fd, "hello", 5), 5);
    char text[8];
    EXPECT_EQ(::read(requests[0].end.get(), text, sizeof text), 5);
    EXPECT_EQ(std::string(text, 5), "hello");
    EXPECT_EQ(::read(requests[0].end.get(), text, sizeof text), -1);
    EXPECT_EQ(errno, EAGAIN);  // the worker's end never blocks
    EXPECT_EQ(sockets.close_socket(fd), 0);
    EXPECT_EQ(::read(requests[0].end.get(), text, sizeof text), 0);
}

TEST_F(pairs, a_refused_connection_is_an_error_on_the_socket) {
    const int fd = sockets.open_socket();
    ASSERT_EQ(sockets.connect_socket(fd, "broker:9092"), 0);
    requests.clear();
    pollfd p{fd, POLLOUT, 0};
    EXPECT_EQ(::poll(&p, 1, 1000), 1);
    EXPECT_NE(p.revents & (POLLHUP | POLLERR), 0);
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    EXPECT_EQ(error, ECONNRESET);
    sockets.close_socket(fd);
}

TEST_F(pairs, a_socket_that_never_connects_leaves_nothing) {
    const int fd = sockets.open_socket();
    EXPECT_EQ(sockets.unconnected(), 1u);
    sockets.close_socket(fd);
    EXPECT_EQ(sockets.unconnected(), 0u);
    EXPECT_EQ(sockets.connect_socket(fd, "broker:9092"), EBADF);
    EXPECT_TRUE(requests.empty());
}

TEST_F(pairs, names_are_not_resolved_here) {
    addrinfo* result = nullptr;
    ASSERT_EQ(socket_pairs::resolve("no.such.name.invalid", "9092", nullptr, &result), 0);
    ASSERT_NE(result, nullptr);
    EXPECT_EQ(result->ai_family, AF_INET);
    EXPECT_EQ(result->ai_next, nullptr);
    EXPECT_EQ(socket_pairs::resolve(nullptr, nullptr, nullptr, &result), 0);  // frees it
}

}  // namespace
}  // namespace weft::kafka::client
