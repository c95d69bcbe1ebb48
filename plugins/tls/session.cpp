#include "session.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace weft::tls {

session::session(hub& h, std::shared_ptr<const context> c)
    : hub_(h), context_(std::move(c)), io_(h.here) {
    hub_.add(*this);
}

session::~session() {
    ssl_.reset();  // it may speak to io_ once more
    hub_.remove(*this);
}

bool session::prepare() {
    if (!hub_.begin_handshake()) return false;
    counted_ = true;
    ssl_.reset(SSL_new(context_->ssl()));
    if (!ssl_ || !io_.serve(ssl_.get(), net_takes_keys_ && hub_.config.kernel))
        throw std::bad_alloc();
    SSL_set_app_data(ssl_.get(), &facts_);
    return true;
}

void session::start() {
    phase_ = phase::handshaking;
    arm(hub_.config.handshake_timeout_ns);
    pump();
}

void session::open_up() {
    phase_ = phase::open;
    if (out_ended_ && !std::exchange(writing_later_, true)) hub_.write_later(*this);
    pump();
}

void session::listen() {
    phase_ = phase::listening;
    arm(hub_.config.handshake_timeout_ns);
    peek();
}

// ---- net ----

void session::net_data(const weft_data& d) {
    if (in_over_ || phase_ == phase::over) return;
    io_.receive(d);
    pump();
}

void session::net_window() {
    flush();
}

// END with a reason is our own side giving the connection up: what the application says in answer
// still reaches the peer.
void session::net_ended(const weft_frame& f) {
    net_in_over_ = true;
    if (const meta_view<weft_tcp_reset> why(f.meta); why)
        farewell_ = why->text.len ? std::string(why.text(why->text)) : "the connection ends";
    pump();
}

void session::net_broke(const weft_frame& f) {
    if (phase_ == phase::handshaking) {
        const auto why = cut_off(ssl_.get());
        hub_.tell(why, peer());
        handshake_is_over();
        tell_app(why);
    }
    tear_down(f.meta);
}

void session::net_closed() {
    net_open_ = false;
    disarm();
    handshake_is_over();
    io_.drop_held();
    io_.drop_unsent();
    if (app_open_) {
        app_.abort();
        app_.reset();
    }
    free_if_closed();
}

// ---- app ----

void session::app_data(const weft_data& d) {
    if (out_ended_ || net_out_over_) return;
    for (const auto& s : slices(d))
        if (s.len) plain_.push_back(chunk::retain(s));
    plain_reserved_ += d.reserved;
    if (!std::exchange(writing_later_, true)) hub_.write_later(*this);
}

void session::app_window() {
    if (phase_ == phase::open) pump();
}

void session::app_ended() {
    out_ended_ = true;
    if (!std::exchange(writing_later_, true)) hub_.write_later(*this);
}

// It reads no more. What it says is still sent.
void session::app_stopped() {
    in_over_ = true;
    io_.drop_held();
    if (phase_ != phase::open) return tear_down();  // a refusal of what we opened
    settle();
}

void session::app_closed() {
    app_open_ = false;
    if (!out_ended_ && net_open_) {
        net_.abort();
        net_.reset();
    }
    free_if_closed();
}

// ---- bytes ----

void session::pump() {
    if (!ssl_ || !net_open_) return;
    if (phase_ == phase::handshaking) handshake();
    if (phase_ == phase::listening) peek();
    if (phase_ == phase::open) read();
    flush();
}

void session::handshake() {
    ERR_clear_error();
    const int rc = SSL_do_handshake(ssl_.get());
    if (rc == 1) {
        handshake_is_over();
        disarm();
        hub_.handshakes.add();
        if (SSL_session_reused(ssl_.get())) hub_.resumed.add();
        if (io_.offloaded()) hub_.offloaded.add();
        phase_ = phase::waiting;
        return established();
    }
    const int error = SSL_get_error(ssl_.get(), rc);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return fail(take_failure(ssl_.get()));
    if (net_in_over_ && io_.held() == 0) fail(cut_off(ssl_.get()));
}

// The first byte of plaintext, which stays to be read.
void session::peek() {
    uint8_t first = 0;
    size_t got = 0;
    ERR_clear_error();
    const int rc = SSL_peek_ex(ssl_.get(), &first, 1, &got);
    if (rc == 1) {
        disarm();
        phase_ = phase::waiting;
        return first_byte_seen(first);
    }
    switch (SSL_get_error(ssl_.get(), rc)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            if (net_in_over_ && io_.held() == 0) tear_down();
            return;
        case SSL_ERROR_ZERO_RETURN:
            disarm();
            SSL_shutdown(ssl_.get());
            return close_quietly();
        default:
            return fail(take_failure(ssl_.get()));
    }
}

void session::handshake_is_over() {
    if (std::exchange(counted_, false)) hub_.end_handshake();
}

void session::read() {
    while (app_open_ && !in_over_) {
        if (io_.held() == 0 && !SSL_has_pending(ssl_.get())) break;
        if (app_.credit() <= app_.padding()) return;
        if (!read_record()) break;
    }
    // A peer that has more to say than it said was cut off, unless it closed in good order.
    if (phase_ == phase::open && net_in_over_ && !in_over_) input_over(!farewell_.empty());
}

// False when there is nothing to be had now.
bool session::read_record() {
    const uint64_t at_hand = io_.held() + static_cast<uint64_t>(SSL_pending(ssl_.get()));
    constexpr uint64_t least = 256;
    const auto room = static_cast<uint32_t>(std::min<uint64_t>(
        {app_.credit() - app_.padding(), record_size_max, std::max(at_hand, least)}));
    uint8_t* to = nullptr;
    chunk bytes = hub_.here.alloc(room, to);
    if (!to) {
        tear_down();
        return false;
    }
    size_t got = 0;
    ERR_clear_error();
    const int rc = SSL_read_ex(ssl_.get(), to, room, &got);
    if (rc == 1) {
        bytes.truncate(static_cast<uint32_t>(got));
        app_.data(bytes.slice());
        return true;
    }
    switch (SSL_get_error(ssl_.get(), rc)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            if (new_keys_wanted()) {
                SSL_shutdown(ssl_.get());
                ERR_clear_error();
                fail(keys_are_the_kernels());
            }
            return false;
        case SSL_ERROR_ZERO_RETURN:
            input_over(true);
            return false;
        default:
            fail(take_failure(ssl_.get()));
            return false;
    }
}

// RFC 8446, 4.6.3: who is asked for new keys must use them before it says anything more. The kernel
// keeps those it has.
bool session::new_keys_wanted() const {
    return io_.offloaded() && SSL_get_key_update_type(ssl_.get()) != SSL_KEY_UPDATE_NONE;
}

void session::input_over(bool clean) {
    in_over_ = true;
    io_.drop_held();
    if (!app_open_) return;
    if (!clean) return app_.abort();
    if (farewell_.empty()) return app_.end();
    meta_writer<weft_tcp_reset> why;
    why->text = why.text(farewell_);
    app_.end(why.get());
}

void session::write() {
    writing_later_ = false;
    if (phase_ != phase::open || !net_open_ || net_out_over_) {
        plain_.clear();
        return;
    }
    encrypt();
    if (phase_ == phase::open && out_ended_ && !std::exchange(notified_, true))
        SSL_shutdown(ssl_.get());
    ERR_clear_error();
    flush();
}

// Many small messages become one record; a large one goes from where it is.
void session::encrypt() {
    if (io_.offloaded()) {
        for (auto& c : plain_) io_.pass(std::move(c));
        plain_.clear();
        plain_reserved_ = 0;
        return;
    }
    size_t at = 0;
    while (at < plain_.size()) {
        const uint8_t* from = plain_[at].data();
        uint32_t size = std::min(plain_[at].size(), record_size_max);
        const bool alone = at + 1 == plain_.size() || size >= gather_below_bytes;
        if (!alone) {
            auto& scratch = hub_.scratch;
            size = 0;
            for (size_t i = at; i < plain_.size() && size < scratch.size(); ++i) {
                const uint32_t n =
                    std::min(plain_[i].size(), static_cast<uint32_t>(scratch.size()) - size);
                std::memcpy(scratch.data() + size, plain_[i].data(), n);
                size += n;
            }
            from = scratch.data();
        }
        size_t written = 0;
        ERR_clear_error();
        if (SSL_write_ex(ssl_.get(), from, size, &written) != 1)
            return fail(take_failure(ssl_.get()));
        for (auto left = static_cast<uint32_t>(written); left > 0;) {
            const uint32_t n = std::min(left, plain_[at].size());
            plain_[at].remove_prefix(n);
            left -= n;
            if (plain_[at].empty()) plain_[at++].reset();
        }
    }
    plain_.clear();
    plain_reserved_ = 0;
}

void session::flush() {
    if (!net_open_) return;
    if (io_.broken()) return tear_down();
    if (!net_out_over_) io_.send(net_);
    grant_net();
    grant_app();
    settle();
}

// Our side is closed when everything is sent; then the peer has a while to close its own.
void session::settle() {
    if (!net_open_ || !notified_ || io_.unsent() > 0) return;
    if (!std::exchange(net_out_over_, true)) {
        net_.end();
        if (!in_over_ && !net_in_over_) arm(hub_.config.close_timeout_ns);
    }
    if (in_over_) {
        disarm();
        net_.reset();
    }
}

void session::grant_net() {
    if (in_over_ || net_in_over_ || phase_ == phase::over || phase_ == phase::before) return;
    const uint64_t edge = net_.received() - io_.held() + window_bytes;
    if (edge < net_granted_ + window_bytes / 4) return;
    net_granted_ = edge;
    net_.window(window_bytes, io_.held());
}

// The application may send what the network takes.
void session::grant_app() {
    if (!app_open_ || out_ended_ || phase_ != phase::open) return;
    const uint64_t taken = io_.unsent() + net_.padding() + plain_reserved_;
    uint64_t room = net_.credit() > taken ? net_.credit() - taken : 0;
    // However little that is, a message must be possible: it waits here then.
    if (io_.unsent() == 0 && plain_reserved_ == 0) room = std::max(room, room_least);
    const uint64_t received = app_.received();
    if (received + room <= app_granted_) return;
    app_granted_ = received + room;
    app_.window(static_cast<uint32_t>(room + plain_reserved_), plain_reserved_, record_overhead);
}

// ---- the end ----

// The alert that says why is written already.
void session::fail(const failure& f) {
    const bool in_handshake = phase_ == phase::handshaking;
    phase_ = phase::over;
    disarm();
    handshake_is_over();
    hub_.tell(f, peer());
    tell_app(f);
    if (!in_handshake && app_open_) {
        app_.abort();
        app_.reset();
    }
    close_quietly();
}

// Nothing stands behind this connection: what is written goes out, and no more.
void session::close_quietly() {
    phase_ = phase::over;
    in_over_ = true;
    io_.drop_held();
    plain_.clear();
    if (!net_open_) return;
    if (!net_out_over_) io_.send(net_);
    net_out_over_ = true;
    net_.end();
    net_.reset();
}

void session::tear_down(const weft_meta* why) {
    phase_ = phase::over;
    disarm();
    handshake_is_over();
    io_.drop_held();
    io_.drop_unsent();
    plain_.clear();
    in_over_ = net_out_over_ = true;
    if (app_open_) {
        app_.reset(why);
        app_.abort(why);
    }
    if (!net_open_) return;
    net_.abort();
    net_.reset();
}

void session::say_goodbye() {
    if (phase_ != phase::open) return tear_down();
    if (in_over_) return;
    if (farewell_.empty()) farewell_ = "the binding ends";
    input_over(true);
    settle();
}

void session::free_if_closed() {
    if (net_open_ || app_open_ || asking_) return;
    delete this;
}

void session::arm(uint64_t ns) {
    disarm();
    timer_ = hub_.here.timer_at(hub_.here.now_ns() + ns, call<&session::on_timer>, this);
}

void session::disarm() {
    if (timer_) hub_.here.cancel(std::exchange(timer_, 0));
}

void session::on_timer() {
    timer_ = 0;
    if (phase_ == phase::handshaking) return fail(timed_out());
    if (phase_ == phase::listening)
        return fail({"binding.tls.route.refused", "No route takes the connection.",
                     "the client said nothing in time"});
    // It has not closed its side.
    if (!in_over_) input_over(false);
    net_.reset();
}

}  // namespace weft::tls
