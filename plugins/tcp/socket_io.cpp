#include "socket_io.hpp"

#include "kernel_tls.hpp"
#include "limits.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace weft::tcp {

int write_some(int fd, write_queue& q) {
    std::array<iovec, limits::gather_slices_max> iov;
    while (!q.empty()) {
        const auto* step = q.due();
        if (step && !step->keys.empty()) {
            if (const int error = set_tls_keys(fd, step->keys); error != 0) return error;
            q.pop_keys();
            continue;
        }
        msghdr m{};
        record_type type;
        if (step) type.attach(m, step->content_type);
        m.msg_iov = iov.data();
        m.msg_iovlen = q.gather(iov);
        size_t offered = 0;
        for (size_t i = 0; i < m.msg_iovlen; ++i) offered += iov[i].iov_len;
        const ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? 0 : errno;
        }
        q.consume(static_cast<size_t>(n));
        if (static_cast<size_t>(n) < offered) return 0;  // the kernel's buffer is full
    }
    return 0;
}

void close_with_reset(int fd) {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace weft::tcp
