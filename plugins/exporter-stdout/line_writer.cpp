#include "line_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

namespace weft::exporter_stdout {

namespace {

// Writing to a pipe without reader raises SIGPIPE in the writing thread: held back here, and taken
// off again if this write was the one to raise it.
class without_sigpipe {
public:
    without_sigpipe() {
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
    }
    ~without_sigpipe() {
        const timespec at_once{};
        if (!was_pending_) {
            while (sigtimedwait(&sigpipe_, nullptr, &at_once) < 0 && errno == EINTR) continue;
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    without_sigpipe(const without_sigpipe&) = delete;
    without_sigpipe& operator=(const without_sigpipe&) = delete;

private:
    sigset_t sigpipe_{}, before_{};
    bool was_pending_ = false;
};

}  // namespace

void line_writer::write(std::string_view line) {
    if (closed_) return;
    std::string text;
    if (mid_line_) text += '\n';
    if (lost_ > 0) text += "(" + std::to_string(lost_) + " lines lost: nobody read them)\n";
    text += line;
    if (put(text)) {
        mid_line_ = false;
        lost_ = 0;
    } else {
        ++lost_;
    }
}

// In parts of PIPE_BUF: a pipe that poll calls writable takes that much without blocking.
bool line_writer::put(std::string_view text) {
    const without_sigpipe guard;
    size_t done = 0;
    while (done < text.size()) {
        if (!writable()) {
            mid_line_ = mid_line_ || done > 0;
            return false;
        }
        const ssize_t n =
            ::write(fd_, text.data() + done, std::min<size_t>(text.size() - done, PIPE_BUF));
        if (n >= 0) {
            done += static_cast<size_t>(n);
            continue;
        }
        if (errno == EINTR || errno == EAGAIN) continue;
        if (errno == ENOSPC) return false;  // a full disk may have room again
        closed_ = true;
        return false;
    }
    return true;
}

bool line_writer::writable() {
    pollfd p{fd_, POLLOUT, 0};
    int n = 0;
    do n = poll(&p, 1, stuck_ ? 0 : wait_ms_);
    while (n < 0 && errno == EINTR);
    stuck_ = n == 0;
    return n != 0;  // an error shows in write
}

}  // namespace weft::exporter_stdout
