#include "line_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <mutex>
#include <utility>

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
    const std::lock_guard lock(state_.mutex);
    put_behind_losses(line);
}

void line_writer::finish() {
    const std::lock_guard lock(state_.mutex);
    if (!state_.mid_line && state_.lost == 0) return;
    state_.stuck = true;
    const uint64_t lost = state_.lost;
    put_behind_losses({});
    if (state_.lost > lost) state_.lost = lost;  // no line was
}

bool line_writer::tell_closed() {
    const std::lock_guard lock(state_.mutex);
    return state_.closed && !std::exchange(state_.told, true);
}

void line_writer::put_behind_losses(std::string_view line) {
    if (state_.closed) return;
    std::string text;
    if (state_.mid_line) text += '\n';
    if (state_.lost > 0)
        text += "(" + std::to_string(state_.lost) + " lines lost: nobody read them)\n";
    text += line;
    if (put(text)) {
        state_.mid_line = false;
        state_.lost = 0;
    } else {
        ++state_.lost;
    }
}

// In parts of PIPE_BUF: a pipe that poll calls writable takes that much without blocking.
bool line_writer::put(std::string_view text) {
    const without_sigpipe guard;
    size_t done = 0;
    while (done < text.size()) {
        if (!writable()) {
            state_.mid_line = state_.mid_line || done > 0;
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
        state_.closed = true;
        return false;
    }
    return true;
}

bool line_writer::writable() {
    pollfd p{fd_, POLLOUT, 0};
    int n = 0;
    do n = poll(&p, 1, state_.stuck ? 0 : wait_ms_);
    while (n < 0 && errno == EINTR);
    state_.stuck = n == 0;
    return n != 0;  // an error shows in write
}

}  // namespace weft::exporter_stdout
