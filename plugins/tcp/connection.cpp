#include "connection.hpp"

#include "socket_io.hpp"

#include <weft/meta.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace weft::tcp {

connection::~connection() {
    hub_.forget(*this);
}

void connection::adopt(int fd) {
    fd_ = fd;
    set_interest(WEFT_READABLE);
    if (fd_ < 0) return;
    grant();
    settle();
}

// ---- socket to stream ----

void connection::on_ready(uint32_t events) {
    if (events & WEFT_WRITABLE) flush();
    if (fd_ < 0) return;
    if (events & (WEFT_READABLE | WEFT_HANGUP)) {
        if (may_read()) {
            read();
        } else if (events & WEFT_HANGUP) {
            on_hangup();
        } else {
            on_no_credit();
        }
    }
}

bool connection::may_read() const {
    return fd_ >= 0 && reading_ && stream_.credit() > stream_.padding();
}

// False when there was nothing to read.
bool connection::read() {
    const uint32_t size = std::min(stream_.credit() - stream_.padding(), read_bytes_);
    uint8_t* to = nullptr;
    chunk bytes = hub_.here().alloc(size, to);
    if (!to) {
        set_interest(interest_ & ~WEFT_READABLE);
        hub_.read_later(*this);
        return false;
    }
    const ssize_t n = recv(fd_, to, size, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) fail(errno, "read");
        return false;
    }
    if (n == 0) {
        if (!broken_) on_peer_end();
        return false;
    }
    const auto got = static_cast<uint32_t>(n);
    bytes.truncate(got);
    hub_.bytes_received.add(got);
    if (got == read_bytes_) {
        read_bytes_ = std::min(read_bytes_ * 2, limits::read_bytes_max);
    } else if (got < read_bytes_ / 4) {
        read_bytes_ = std::max(read_bytes_ / 2, limits::read_bytes_min);
    }
    stream_.data(bytes.slice());
    return true;
}

void connection::resume_read() {
    if (fd_ >= 0 && reading_) set_interest(interest_ | WEFT_READABLE);
}

// Input has to wait until there is credit; that there is no more does not.
void connection::on_no_credit() {
    char byte = 0;
    if (reading_ && recv(fd_, &byte, 1, MSG_PEEK) == 0) return on_peer_end();
    set_interest(interest_ & ~WEFT_READABLE);
}

void connection::on_peer_end() {
    reading_ = false;
    peer_ended_ = true;
    set_interest(interest_ & ~WEFT_READABLE);
    stream_.end();
    if (fin_sent_) close_now(false);
}

// The peer is gone, and nothing can be read now. A level-triggered watch would report it for ever.
void connection::on_hangup() {
    if (const int error = socket_error(fd_); error != 0) return fail(error, "read");
    on_no_credit();
    if (fd_ >= 0 && interest_ == 0) stop_watching();  // set_interest starts anew
}

void connection::on_window(stream, const weft_window&) {
    if (may_read()) set_interest(interest_ | WEFT_READABLE);
}

// What the stream refuses cannot be delivered. Before the other side has answered, nobody has
// spoken to the peer: RST tells it that there is no service. Later the bytes already given are
// still written, then the connection ends.
void connection::on_reset(stream, const weft_frame&) {
    stream_.reset();
    reading_ = writing_ = false;
    if (fd_ < 0) return;
    if (!begun_) return close_now(true);
    set_interest(interest_ & ~WEFT_READABLE);
    settle();
}

// ---- stream to socket ----

void connection::on_data(stream, const weft_data& d) {
    if (fd_ < 0) return;
    auto& q = queue_to_write();
    if (d.h.meta) {
        if (const meta_view<weft_tls_record> r(d.h.meta); r)
            return q.push_record(slices(d), static_cast<uint8_t>(r->content_type));
    }
    for (const auto& s : slices(d)) q.push(s);
}

// Who makes TLS records leaves that to the kernel from here on.
void connection::on_flush(stream, const weft_flush& f) {
    const meta_view<weft_tls_keys> keys(f.h.meta);
    if (fd_ < 0 || !keys) return;
    const auto info = keys.list<uint8_t>(keys->crypto_info);
    if (info.empty()) return fail(EPROTO, "tls.keys without keys");
    queue_to_write().push_tls_keys(info);
}

// It is written at the end of the turn.
write_queue& connection::queue_to_write() {
    if (!queue_) queue_ = hub_.take_queue();
    if (!dirty_ && !(interest_ & WEFT_WRITABLE)) {  // else a flush is coming anyway
        dirty_ = true;
        hub_.flush_later(*this);
    }
    return *queue_;
}

void connection::flush() {
    dirty_ = false;
    if (fd_ < 0 || !queue_) return;
    const uint32_t before = queue_->bytes();
    if (const int error = write_some(fd_, *queue_); error != 0) return on_write_failed(error);
    hub_.bytes_sent.add(before - queue_->bytes());
    if (queue_->empty()) {
        hub_.give_back(std::move(queue_));
        set_interest(interest_ & ~WEFT_WRITABLE);
    } else {
        queue_->compact(hub_.here());
        set_interest(interest_ | WEFT_WRITABLE);
    }
    grant();
    settle();
}

// What the peer sent before it went is still there to be read, and may be its farewell.
void connection::on_write_failed(int error) {
    broken_ = true;
    while (may_read() && read()) continue;
    if (fd_ >= 0) fail(error, "write");
}

void connection::grant() {
    if (!writing_) return;
    const uint32_t pending = queue_ ? queue_->bytes() : 0;
    const uint32_t at_most =
        limits::write_window_bytes * (100 - hub_.config().window_threshold_percent) / 100;
    if (pending > at_most) return;
    stream_.window(limits::write_window_bytes, pending);
}

void connection::on_end(stream, const weft_frame&) {
    writing_ = false;
    settle();
}

void connection::on_abort(stream, const weft_frame&) {
    stream_.abort();
    stream_.reset();
    reading_ = writing_ = false;
    if (fd_ >= 0) close_now(true);
}

void connection::settle() {
    if (fd_ < 0 || writing_ || fin_sent_ || queue_) return;
    if (peer_ended_) return close_now(false);
    // Where the stream is over in both directions, on_closed follows and lets the socket linger.
    if (shutdown(fd_, SHUT_WR) != 0) return fail(errno, "shutdown");
    fin_sent_ = true;
}

// ---- the end ----

void connection::take_leave(const weft_meta* why) {
    if (!reading_) return;  // its end is under way
    reading_ = false;
    if (fd_ >= 0) set_interest(interest_ & ~WEFT_READABLE);
    stream_.end(why);
}

void connection::fail(int error, const std::string& text) {
    meta_writer<weft_tcp_reset> why;
    why->error = error;
    why->text = why.text(error == 0 ? text : text + ": " + std::generic_category().message(error));
    stream_.abort(why.get());
    stream_.reset(why.get());
    reading_ = writing_ = false;
    if (fd_ >= 0) close_now(false);
}

void connection::on_closed(stream) {
    if (fd_ >= 0) {
        stop_watching();
        hub_.linger(std::exchange(fd_, -1), std::move(queue_));
    }
    hub_.destroy(*this);
}

void connection::close_now(bool with_reset) {
    stop_watching();
    if (with_reset) close_with_reset(fd_);
    hub_.give_back(std::move(queue_));
    hub_.close_socket(std::exchange(fd_, -1));
}

void connection::set_interest(uint8_t events) {
    if (events == interest_ && watch_) return;
    if (watch_) {
        hub_.here().modify(watch_, events);
    } else if (events != 0) {
        watch_ = hub_.here().watch(fd_, events, call<&connection::on_ready>, this);
        if (!watch_) return fail(ENOMEM, "watch");
    }
    interest_ = events;
}

void connection::stop_watching() {
    if (watch_) hub_.here().cancel(std::exchange(watch_, 0));
    interest_ = 0;
}

}  // namespace weft::tcp
