#include "connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace weft::kafka::client {

namespace {

constexpr int iovec_max = 64;

// What the exit says; empty when it says nothing.
std::string reason(const weft_meta* meta) {
    const meta_view<weft_tcp_reset> reset(meta);
    return reset && reset.has(reset->text) ? std::string(reset.text(reset->text)) : std::string();
}

}  // namespace

connection::connection(bridge& owner, connect_request request, server_address to)
    : owner_(owner),
      node_(std::move(request.node)),
      to_(std::move(to)),
      end_(std::move(request.end)),
      withheld_(request.withheld) {}

connection::~connection() {
    if (watch_) owner_.worker_.cancel(watch_);
    if (timer_) owner_.worker_.cancel(timer_);
}

// Interest 0: only a hang-up is reported, which is librdkafka giving up.
void connection::watch_for_end() {
    watch_ = owner_.worker_.watch(end_.get(), 0, call<&connection::on_events>, this);
}

void connection::start_at(uint64_t at_ns) {
    if (phase_ != phase::waiting || timer_) return;
    if (at_ns <= owner_.worker_.now_ns()) return open_stream();
    timer_ = owner_.worker_.timer_at(at_ns, call<&connection::open_stream>, this);
}

void connection::open_stream() {
    timer_ = 0;
    phase_ = phase::connecting;
    meta_writer<weft_tcp_begin> m;
    // Without configured servers librdkafka was given a placeholder: the exit's own destination is
    // meant.
    if (!(to_.host == placeholder_host && owner_.config_.servers.empty())) {
        m->remote_host = m.text(to_.host);
        m->remote_port = to_.port;
    }
    stream_ = owner_.worker_.open(owner_.config_.exit, *this, m.get());
    stream_.window(limits::reply_window_bytes);
}

void connection::on_begin(stream, const weft_begin&) {
    if (phase_ != phase::connecting) return;
    if (!take_withheld()) return close();
    phase_ = phase::open;
    owner_.opened();
    watch();
}

// Reads what was written to keep librdkafka's end unwritable; then it sees "connected".
bool connection::take_withheld() {
    std::array<char, 4096> zeros;
    while (withheld_ > 0) {
        const ssize_t n = ::recv(end_.get(), zeros.data(), std::min(zeros.size(), withheld_), 0);
        if (n <= 0) return false;
        withheld_ -= static_cast<size_t>(n);
    }
    return true;
}

void connection::on_events(uint32_t events) {
    if (phase_ != phase::open) {
        if (events & WEFT_HANGUP) close();
        return;
    }
    if (events & WEFT_WRITABLE) write_pending();
    if (phase_ == phase::open && (events & (WEFT_READABLE | WEFT_HANGUP))) read_some();
    if (phase_ == phase::open) watch();
}

void connection::read_some() {
    for (int i = 0; i < limits::reads_per_wake_max; ++i) {
        const uint32_t room = stream_.credit();
        if (room <= stream_.padding()) return;
        const uint32_t want = std::min(read_bytes_, room - stream_.padding());
        uint8_t* bytes = nullptr;
        chunk buffer = owner_.worker_.alloc(want, bytes);
        if (buffer.empty()) return;  // out of memory: the level-triggered watch comes back
        const ssize_t n = ::recv(end_.get(), bytes, want, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) return close();
        const auto got = static_cast<uint32_t>(n);
        active_ns_ = owner_.worker_.now_ns();
        buffer.truncate(got);
        stream_.data(buffer.slice());
        if (phase_ != phase::open) return;
        if (got < want) {
            if (got < read_bytes_ / 4)
                read_bytes_ = std::max(limits::read_bytes_min, read_bytes_ / 2);
            return;
        }
        read_bytes_ = std::min(limits::read_bytes_max, read_bytes_ * 2);
    }
}

void connection::on_data(stream, const weft_data& d) {
    if (phase_ != phase::open) return;
    const bool first = received_ == 0;
    if (first && is_tls(d))
        return close(
            true, to_string(to_) + " speaks TLS; the exit of this binding has to be a tls client");
    for (const auto& s : slices(d)) {
        if (s.len == 0) continue;
        pending_.push_back(chunk::retain(s));
        pending_bytes_ += s.len;
        received_ += s.len;
    }
    if (first && received_ > 0) owner_.heard(*this);
    active_ns_ = owner_.worker_.now_ns();
    write_pending();
    if (phase_ == phase::open) watch();
}

// The head of a TLS record (RFC 8446, 5.1), an alert as a rule. As the length of an answer of Kafka
// it would be 350 MB.
bool connection::is_tls(const weft_data& d) const {
    const auto all = slices(d);
    if (all.empty() || all.front().len < 2) return false;
    const uint8_t* b = all.front().data;
    return b[0] >= 20 && b[0] <= 23 && b[1] == 3;
}

void connection::write_pending() {
    while (!pending_.empty()) {
        std::array<iovec, iovec_max> iov;
        size_t n = 0;
        for (auto it = pending_.begin(); it != pending_.end() && n < iov.size(); ++it)
            iov[n++] = {const_cast<uint8_t*>(it->data()), it->size()};
        msghdr message{};
        message.msg_iov = iov.data();
        message.msg_iovlen = n;
        ssize_t sent = ::sendmsg(end_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) return close();
        pending_bytes_ -= static_cast<uint64_t>(sent);
        while (sent > 0) {
            auto& front = pending_.front();
            if (static_cast<size_t>(sent) < front.size()) {
                front.remove_prefix(static_cast<uint32_t>(sent));
                break;
            }
            sent -= front.size();
            pending_.pop_front();
        }
    }
    if (peer_ended_ && pending_.empty()) return close(true);
    stream_.window(limits::reply_window_bytes, pending_bytes_);
}

void connection::watch() {
    if (phase_ != phase::open) return;
    const uint32_t wanted = (stream_.credit() > stream_.padding() ? uint32_t{WEFT_READABLE} : 0u) |
                            (pending_.empty() ? 0u : uint32_t{WEFT_WRITABLE});
    if (wanted == interest_) return;
    interest_ = wanted;
    owner_.worker_.modify(watch_, wanted);
}

void connection::on_end(stream, const weft_frame&) {
    if (phase_ != phase::open) return fail(nullptr);
    peer_ended_ = true;
    if (pending_.empty()) close(true);
}

void connection::fail(const weft_meta* meta) {
    const auto why = reason(meta);
    if (phase_ == phase::connecting)
        owner_.failed(*this,
                      why.empty() ? "connect to " + to_string(to_) + ": refused by the exit" : why);
    close(true, why);
}

// The exit asks to move over. librdkafka connects again by itself, so closing is all; a pause in
// the traffic is the best moment.
void connection::on_drain(stream, const weft_frame&) {
    if (drain_since_ns_ != 0 || phase_ == phase::closed || owner_.draining_) return;
    drain_since_ns_ = owner_.worker_.now_ns();
    on_drain_check();
}

void connection::on_drain_check() {
    timer_ = 0;
    const uint64_t now = owner_.worker_.now_ns();
    const uint64_t idle_at =
        std::max(active_ns_, drain_since_ns_) + limits::drain_idle_ms * 1'000'000;
    const uint64_t at = std::min(idle_at, drain_since_ns_ + limits::drain_max_ms * 1'000'000);
    if (now >= at) return close();
    timer_ = owner_.worker_.timer_at(at, call<&connection::on_drain_check>, this);
}

void connection::close(bool by_peer, const std::string& why) {
    if (phase_ == phase::closed) return;
    const phase was = phase_;
    phase_ = phase::closed;
    if (watch_) owner_.worker_.cancel(std::exchange(watch_, 0));
    if (timer_) owner_.worker_.cancel(std::exchange(timer_, 0));
    end_.reset();
    pending_.clear();
    if (was == phase::open) owner_.lost(*this, by_peer, why);
    if (!stream_) return owner_.remove(*this);  // deletes this
    stream_.end();
    stream_.reset();
}

void connection::on_closed(stream) {
    close();
    owner_.remove(*this);  // deletes this
}

}  // namespace weft::kafka::client
