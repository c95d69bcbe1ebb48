// The way out: what the application says, as frames.
#include "session.hpp"

#include <algorithm>
#include <cstring>

namespace weft::ws {

// A DATA is a frame: INIT begins a message, FIN ends it.
void session::send_message_part(const weft_data& d) {
    const bool first = !in_message_, last = (d.h.flags & WEFT_FIN) != 0;
    frame_head h;
    h.fin = last;
    h.op = op_continuation;
    h.size = payload_size(d);
    if (first) {
        const meta_view<weft_ws_data> kind(d.h.meta);
        h.op = kind && kind->opcode == op_text ? op_text : op_binary;
        deflating_ = deflater_ && (!last || h.size >= hub_.config.deflate->threshold);
        h.compressed = deflating_;
    }
    in_message_ = !last;
    const bool sent = deflating_ ? compress(slices(d), last, h) : send_frame(h, slices(d));
    if (!sent) tear_down(code_internal_error);
}

bool session::send_frame(frame_head h, std::span<const weft_slice> payload) {
    if (hub_.config.is == kind::client) return send_masked(h, payload);
    uint8_t* to = nullptr;
    chunk head = hub_.here.alloc(frame_head_max, to);
    if (!to) return false;
    head.truncate(static_cast<uint32_t>(write_head(to, h)));
    auto& iov = hub_.iov;
    iov.assign(1, head.slice());
    iov.insert(iov.end(), payload.begin(), payload.end());
    weft_data d{};
    d.iov = iov.data();
    d.iovcnt = static_cast<uint32_t>(iov.size());
    out_.data(d);
    return true;
}

// Payload of others is not ours to write into: it is masked on the way into a buffer of ours.
bool session::send_masked(frame_head h, std::span<const weft_slice> payload) {
    h.masked = true;
    hub_.random(h.key.data(), h.key.size());
    uint64_t done = 0;
    size_t at = 0, in_slice = 0;
    bool head_written = false;
    do {
        const auto room =
            static_cast<uint32_t>(std::min<uint64_t>(h.size - done, masked_piece_max));
        uint8_t* to = nullptr;
        chunk piece = hub_.here.alloc(room + frame_head_max, to);
        if (!to) return false;
        uint32_t used = 0;
        if (!std::exchange(head_written, true)) used = static_cast<uint32_t>(write_head(to, h));
        for (uint32_t left = room; left > 0;) {
            const auto& s = payload[at];
            const uint32_t n = std::min(left, s.len - static_cast<uint32_t>(in_slice));
            apply_mask(s.data + in_slice, to + used, n, h.key, done);
            used += n;
            done += n;
            left -= n;
            in_slice += n;
            if (in_slice < s.len) continue;
            ++at;
            in_slice = 0;
        }
        piece.truncate(used);
        out_.push(std::move(piece));
    } while (done < h.size);
    out_.pump();
    return true;
}

// The parts of a message become a frame each; the last one ends what is compressed.
bool session::compress(std::span<const weft_slice> payload, bool last, frame_head first) {
    std::vector<chunk> made;
    uint8_t* to = nullptr;
    uint32_t room = 0;
    uint64_t size = 0;
    const auto work = [&](bytes in, bool flush) {
        for (deflated d{0, 0, true, false}; d.more;) {
            if (room == 0) {
                made.push_back(hub_.here.alloc(deflate_piece, to));
                if (!to) return false;
                room = deflate_piece;
            }
            d = deflater_->step(in, {to + (deflate_piece - room), room}, flush);
            if (d.failed) return false;
            in = in.subspan(d.used);
            size += d.made;
            room -= static_cast<uint32_t>(d.made);
        }
        return true;
    };
    for (const auto& s : payload)
        if (!work({s.data, s.len}, false)) return false;
    if (last && !work({}, true)) return false;

    frame_head h = first;
    // RFC 7692, 7.2.1: 00 00 ff ff is not sent
    if (last) {
        deflater_->finish();
        size -= std::min<uint64_t>(size, deflate_tail);
    }
    if (size == 0 && !last && h.op == op_continuation) return true;  // nothing yet
    h.size = size;
    std::vector<weft_slice> iov;
    for (const auto& c : made) {
        weft_slice s = c.slice();
        s.len = static_cast<uint32_t>(std::min<uint64_t>(s.len, size));
        size -= s.len;
        if (s.len) iov.push_back(s);
    }
    // 7.2.3.6: of nothing an empty block remains
    static constexpr uint8_t empty_block = 0;
    if (last && h.size == 0) {
        h.size = 1;
        iov.push_back({nullptr, &empty_block, 1, 0});
    }
    return send_frame(h, iov);
}

void session::send_control(uint8_t op, bytes payload) {
    frame_head h;
    h.op = op;
    h.size = payload.size();
    const weft_slice s{nullptr, payload.data(), static_cast<uint32_t>(payload.size()), 0};
    uint8_t* to = nullptr;
    chunk c = hub_.here.alloc(frame_head_max + control_size_max, to);
    if (!to) return tear_down(code_internal_error);
    if (hub_.config.is == kind::client) {
        h.masked = true;
        hub_.random(h.key.data(), h.key.size());
    }
    const size_t head = write_head(to, h);
    if (h.masked)
        apply_mask(s.data, to + head, s.len, h.key, 0);
    else if (s.len)
        std::memcpy(to + head, s.data, s.len);
    c.truncate(static_cast<uint32_t>(head) + s.len);
    out_.push(std::move(c));
    out_.pump();
}

void session::send_close(uint16_t code, std::string_view reason) {
    if (std::exchange(close_sent_, true) || !net_open_) return;
    std::array<uint8_t, control_size_max> payload{};
    payload[0] = static_cast<uint8_t>(code >> 8);
    payload[1] = static_cast<uint8_t>(code & 0xff);
    const size_t n = std::min(reason.size(), payload.size() - 2);
    std::copy_n(reason.data(), n, payload.data() + 2);
    send_control(op_close, {payload.data(), n + 2});
}

// A message that has no end is not the whole of what it wanted to say.
void session::send_goodbye() {
    send_close(in_message_ ? static_cast<uint16_t>(code_internal_error) : goodbye_);
}

// A peer that pings and does not read gets one answer when it does.
void session::send_pong() {
    if (!pong_ || close_sent_ || !out_.idle()) return;
    const auto text = std::exchange(pong_, nullptr);
    send_control(op_pong, {reinterpret_cast<const uint8_t*>(text->data()), text->size()});
}

void session::flush() {
    if (!net_open_) return;
    out_.pump();
    if (phase_ == phase::open) {
        send_pong();
        grant_net();
        grant_app();
        return settle();
    }
    if (phase_ == phase::over && out_.ended()) stop_reading();
}

// Our side is closed when everything is sent; then the peer has a while to close its own.
void session::settle() {
    if (!net_open_ || phase_ != phase::open || !close_sent_) return;
    if (close_received_ || net_in_over_) return close_quietly();
    // What else the timer was for is over.
    if (!std::exchange(closing_timed_, true)) arm(hub_.config.close_timeout_ns);
}

void session::grant_net() {
    if (close_received_ || net_in_over_) return;
    const uint64_t edge = net_.received() - in_.held() + window_bytes;
    if (edge < net_granted_ + window_bytes / 4) return;
    net_granted_ = edge;
    net_.window(window_bytes, in_.held());
}

// The application may send what the network takes.
void session::grant_app() {
    if (!app_open_ || out_ended_ || close_sent_) return;
    const uint64_t taken = out_.held() + net_.padding();
    uint64_t room = net_.credit() > taken ? net_.credit() - taken : 0;
    // However little that is, a message must be possible: it waits here then.
    if (out_.idle()) room = std::max(room, room_least);
    const uint64_t received = app_.received();
    if (received + room <= app_granted_) return;
    app_granted_ = received + room;
    app_.window(static_cast<uint32_t>(room), 0, frame_head_max);
}

}  // namespace weft::ws
