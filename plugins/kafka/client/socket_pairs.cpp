#include "socket_pairs.hpp"

#include "limits.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace weft::kafka::client {

namespace {

// Fills the send buffer, so that fd does not become writable, which is what librdkafka waits for,
// until the other end has read it all.
size_t withhold_writability(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &limits::withheld_send_buffer,
                 sizeof limits::withheld_send_buffer);
    constexpr std::array<char, 1024> zeros{};
    size_t total = 0;
    while (true) {
        const ssize_t n = ::send(fd, zeros.data(), zeros.size(), MSG_NOSIGNAL);
        if (n <= 0) return total;
        total += static_cast<size_t>(n);
    }
}

}  // namespace

int socket_pairs::open_socket() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) return -1;
    ::fcntl(fds[1], F_SETFL, ::fcntl(fds[1], F_GETFL) | O_NONBLOCK);
    const std::lock_guard lock(mutex_);
    ends_[fds[0]] = unique_fd(fds[1]);
    return fds[0];
}

int socket_pairs::connect_socket(int fd, const char* node) {
    connect_request request;
    {
        const std::lock_guard lock(mutex_);
        const auto it = ends_.find(fd);
        if (it == ends_.end()) return EBADF;
        request.end = std::move(it->second);
        ends_.erase(it);
    }
    request.withheld = withhold_writability(fd);
    request.node = node;
    on_connect_(std::move(request));
    return 0;
}

int socket_pairs::close_socket(int fd) {
    {
        // Before close: the number may be in use again as soon as it is closed.
        const std::lock_guard lock(mutex_);
        ends_.erase(fd);
    }
    return ::close(fd);
}

// One address that stands for any: names are resolved behind the exit. Called again with all
// arguments null to free it.
int socket_pairs::resolve(const char* node, const char* service, const addrinfo* hints,
                          addrinfo** result) {
    if (!node && !service && !hints) {
        std::free(*result);
        return 0;
    }
    struct answer {
        addrinfo info;
        sockaddr_in address;
    };
    auto* a = static_cast<answer*>(std::calloc(1, sizeof(answer)));
    if (!a) return EAI_MEMORY;
    a->address.sin_family = AF_INET;
    a->address.sin_port = htons(1);
    a->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->info.ai_family = AF_INET;
    a->info.ai_socktype = SOCK_STREAM;
    a->info.ai_protocol = IPPROTO_TCP;
    a->info.ai_addrlen = sizeof a->address;
    a->info.ai_addr = reinterpret_cast<sockaddr*>(&a->address);
    *result = &a->info;
    return 0;
}

size_t socket_pairs::unconnected() const {
    const std::lock_guard lock(mutex_);
    return ends_.size();
}

}  // namespace weft::kafka::client
