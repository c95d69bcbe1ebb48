#include "engine/listeners.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace weft {
namespace {

uint64_t fail(weft_error* e, int32_t code, const std::string& text) {
    e->code = code;
    e->path[0] = '\0';
    std::snprintf(e->text, sizeof e->text, "%s", text.c_str());
    return 0;
}

// Opens a socket bound to the address; -1 with errno set.
int bind_socket(const addrinfo& a, bool reuse_port) {
    const int fd = ::socket(a.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (reuse_port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    // "::" means all addresses, of both families.
    const int v6_only = 0;
    if (a.ai_family == AF_INET6)
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (::bind(fd, a.ai_addr, a.ai_addrlen) == 0) return fd;
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
}

bool is_loopback(const addrinfo& a) {
    if (a.ai_family == AF_INET) {
        const auto& v4 = *reinterpret_cast<const sockaddr_in*>(a.ai_addr);
        return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(a.ai_addr);
    return a.ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

// SO_REUSEPORT would let us share a port with another process of this user without either noticing.
// A listener without it in the way is found by a bind without it.
bool in_use_by_others(const addrinfo& a) {
    const int probe = bind_socket(a, false);
    if (probe < 0) return true;
    if (::listen(probe, 1) != 0) {
        const int error = errno;
        ::close(probe);
        errno = error;
        return true;
    }
    ::close(probe);
    return false;
}

}  // namespace

listeners::~listeners() {
    for (const auto& [id, e] : entries_) ::close(e.fd);
}

uint64_t listeners::lease(uint32_t worker, const std::string& binding, const std::string& host,
                          uint16_t port, int32_t backlog, int* fd, weft_error* e) {
    const auto address = fmt::format("{}:{}", host, port);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    if (const int rc = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
        rc != 0)
        return fail(e, WEFT_E_IO, fmt::format("cannot resolve '{}': {}", host, ::gai_strerror(rc)));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, ::freeaddrinfo);

    std::lock_guard lock(mutex_);
    const int socket = socket_for(worker, binding, address, *found, e);
    if (socket < 0) return 0;
    if (::listen(socket, backlog > 0 ? backlog : SOMAXCONN) != 0) {
        const int error = errno;
        ::close(socket);
        return fail(e, WEFT_E_IO,
                    fmt::format("cannot listen on {}: {}", address, std::strerror(error)));
    }
    entries_[++next_] = {address, is_loopback(*found), binding, worker, socket};
    *fd = socket;
    return next_;
}

// A descriptor of its own for the lease: of the socket that this worker has already, or of a new
// one. -1 with `e` filled.
int listeners::socket_for(uint32_t worker, const std::string& binding, const std::string& address,
                          const addrinfo& where, weft_error* e) {
    bool ours = false;
    int held = -1;
    for (const auto& [id, x] : entries_) {
        if (x.address != address) continue;
        if (x.binding != binding && !leaving_.contains(x.binding)) {
            fail(e, WEFT_E_BUSY,
                 fmt::format("{} is already listened on by binding {}", address, x.binding));
            return -1;
        }
        ours = true;
        if (x.worker == worker) held = x.fd;
    }
    int socket = -1;
    if (held >= 0)
        socket = ::fcntl(held, F_DUPFD_CLOEXEC, 0);
    else if (ours || !in_use_by_others(where))
        socket = bind_socket(where, true);
    if (socket < 0)
        fail(e, WEFT_E_IO, fmt::format("cannot listen on {}: {}", address, std::strerror(errno)));
    return socket;
}

std::map<std::string, std::string> listeners::beyond_loopback() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::string> out;
    for (const auto& [id, e] : entries_)
        if (!e.loopback) out.emplace(e.address, e.binding);
    return out;
}

void listeners::set_leaving(std::set<std::string> bindings) {
    std::lock_guard lock(mutex_);
    leaving_ = std::move(bindings);
}

void listeners::release(uint64_t lease) {
    std::lock_guard lock(mutex_);
    const auto it = entries_.find(lease);
    if (it == entries_.end()) return;
    ::close(it->second.fd);
    entries_.erase(it);
}

}  // namespace weft
