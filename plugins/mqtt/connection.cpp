#include "connection.hpp"

#include <weft/origin.hpp>

#include <cstring>

namespace weft::mqtt {

connection::connection(server& s, stream net, const weft_begin& b)
    : server_(s), net_(net), decoder_(role::client, s.config.packet_size_max) {
    if (const auto peer = origin_of(b.h.meta).peer(); !peer.empty()) {
        peer_size_ = static_cast<uint8_t>(std::min<size_t>(peer.size(), 255));
        names_ = std::make_unique<char[]>(peer_size_);
        std::memcpy(names_.get(), peer.data(), peer_size_);
    }
    if (b.h.auth != 0) adopt(auth_ref::retain(s.here, b.h.auth));
    server_.arm(*this, server_.now_tick() + server::to_ticks(s.config.connect_timeout_ms));
    net_.begin();
    net_.window(limits::receive_window_bytes);
}

connection::~connection() {
    if (counted_) server_.count_connection(-1);
    leave_quota();
    drop_handshake();
    server_.forget(*this);
}

// ---- frames ----

void connection::on_begin(stream s, const weft_begin& b) {
    if (s == session_ && state_ == state::connecting) on_session_begun(b);
}

void connection::on_data(stream s, const weft_data& d) {
    server_.trace = d.h.trace_id;
    if (s == session_) return on_delivery(d);
    if (state_ == state::closing || s != net_) return;
    last_heard_ = server_.now_tick();
    for (const auto& piece : slices(d)) {
        read(piece);
        if (state_ == state::closing) return;
    }
    if (!unread()) net_.window(limits::receive_window_bytes);
}

void connection::on_flush(stream, const weft_flush& f) {
    if (state_ != state::connected || !f.h.meta) return;
    server_.trace = f.h.trace_id;
    if (f.h.meta->type == WEFT_META_MQTT_ACK) return on_provider_ack(f);
    if (f.h.meta->type == WEFT_META_MQTT_SUBACK) return on_suback(f);
}

void connection::on_end(stream s, const weft_frame& f) {
    if (state_ == state::closing) return;
    if (s != net_) return close_from_provider(f);
    net_ended_ = true;
    // Not the peer has ended it but the network binding, whose time is over: words still go out.
    if (const meta_view<weft_tcp_reset> given_up(f.meta); given_up) return shut_down();
    // Unread input may still hold a DISCONNECT, so that nothing is known yet.
    if (!goodbye_ && !unread()) lost();
}

void connection::on_abort(stream s, const weft_frame& f) {
    if (s != net_) return close_from_provider(f);
    lost();
    net_.abort();
}

void connection::on_reset(stream s, const weft_frame& f) {
    if (s != net_) return close_from_provider(f);
    lost();
    net_.abort();
}

void connection::on_window(stream s, const weft_window&) {
    if (s == net_) {
        if (outbox_) flush();
    } else if ((state_ == state::connected || state_ == state::connecting) && waiting()) {
        pump();
        resume();
    }
}

void connection::on_closed(stream s) {
    if (s == net_) {
        net_ = {};
        lost();  // a network that vanishes without a word takes the session with it
    } else {
        if (s == session_) session_ = {};
        if (extras_) std::erase_if(extras_->sides, [&](const auto& x) { return x.to == s; });
        if (state_ != state::closing) close(reason::unspecified_error, "the session ended");
    }
    if (!net_ && !session_ && (!extras_ || extras_->sides.empty())) server_.destroy(*this);
}

// ---- input ----

void connection::read(const weft_slice& s) {
    if (!unread() && may_decode()) {
        const bytes left = decode(s);
        if (left.empty() || state_ == state::closing) return;
        return keep_unread({s.owner, left.data(), static_cast<uint32_t>(left.size()), s.flags});
    }
    keep_unread(s);
}

bytes connection::decode(const weft_slice& s) {
    bytes in{s.data, s.len};
    while (may_decode()) {
        if (state_ == state::awaiting_connect) server_.in.version = version_unknown;
        switch (decoder_.next(in, server_.in)) {
            case step::need_more:
                return {};
            case step::packet:
                handle(s);
                break;
            case step::payload:
                on_payload(s);
                break;
            case step::error:
                close(server_.in.error);
                return {};
        }
    }
    return in;
}

bool connection::stalled_by_exit() const {
    if (inbox_ && inbox_->waiting_bytes >= limits::waiting_bytes_max) return true;
    if (requests_pending_ + inflight_.resumed() >= limits::requests_pending_max) return true;
    // v3.1.1 has no Receive Maximum, so its clients are held by not reading. Not for publishes that
    // wait for PUBREL, which would never be read then.
    return version() == version_311 && state_ == state::connected &&
           inflight_.unanswered() >= receive_max_;
}

bool connection::may_decode() const {
    if (goodbye_ || state_ == state::connecting || state_ == state::closing) return false;
    if (outbox_ &&
        outbox_->bytes() + (extras_ ? extras_->held.size() : 0) >= limits::answer_bytes_max)
        return false;
    return !stalled_by_exit();
}

void connection::keep_unread(const weft_slice& s) {
    auto& pieces = take_inbox().unread;
    if (s.len >= limits::keep_slice_bytes_min) {
        pieces.push_back({chunk::retain(s), 0, s.len, nullptr, 0});
        return;
    }
    weft_slice left = s;
    while (left.len != 0) {
        if (pieces.empty() || pieces.back().room == 0) {
            unread_piece p;
            p.bytes = server_.here.alloc(limits::keep_slice_bytes_min, p.append_at);
            p.room = p.bytes.size();
            if (p.room == 0) return out_of_memory();
            pieces.push_back(std::move(p));
        }
        auto& p = pieces.back();
        const uint32_t n = std::min(p.room, left.len);
        std::memcpy(p.append_at, left.data, n);
        p.append_at += n;
        p.room -= n;
        p.to += n;
        left.data += n;
        left.len -= n;
    }
}

// Goes on with what was kept, after whatever it waited for has changed.
void connection::resume() {
    while (unread() && may_decode()) {
        unread_piece p = std::move(inbox_->unread.front());
        inbox_->unread.pop_front();
        weft_slice s = p.bytes.slice();
        s.data += p.from;
        s.len = p.to - p.from;
        const bytes left = decode(s);
        if (state_ == state::closing) return;
        if (!left.empty()) {
            p.from = p.to - static_cast<uint32_t>(left.size());
            take_inbox().unread.push_front(std::move(p));
            return;
        }
        if (!unread()) {
            last_heard_ = server_.now_tick();
            net_.window(limits::receive_window_bytes);
            if (net_ended_ && !goodbye_) return lost();
        }
    }
    tidy();
}

inbox& connection::take_inbox() {
    if (!inbox_) inbox_ = std::make_unique<inbox>();
    return *inbox_;
}

void connection::tidy() {
    if (inbox_ && inbox_->empty()) inbox_.reset();
}

void connection::handle(const weft_slice& source) {
    packet& p = server_.in;
    if (state_ == state::authenticating && p.type != packet_type::auth &&
        p.type != packet_type::disconnect)  // [MQTT-3.1.2-30]
        return close(protocol_error("neither AUTH nor DISCONNECT before CONNACK"));
    switch (p.type) {
        case packet_type::connect:
            return on_connect();
        case packet_type::publish:
            return on_publish(source);
        case packet_type::puback:
        case packet_type::pubrec:
        case packet_type::pubrel:
        case packet_type::pubcomp:
            return on_client_ack();
        case packet_type::subscribe:
            return on_subscribe();
        case packet_type::unsubscribe:
            return on_unsubscribe();
        case packet_type::pingreq:
            server_.out.reset(packet_type::pingresp, version());
            send(server_.out);
            return;
        case packet_type::disconnect:
            return on_disconnect();
        case packet_type::auth:
            return on_auth();
        default:
            return close(protocol_error("packet type of the other side"));
    }
}

}  // namespace weft::mqtt
