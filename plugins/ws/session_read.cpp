// The way in: frames of the peer to payload for the application.
#include "session.hpp"

#include <algorithm>

namespace weft::ws {

void session::pump() {
    if (!net_open_) return;
    if (phase_ == phase::handshaking) shake_hands();
    if (phase_ == phase::open) read();
    flush();
}

void session::read() {
    while (!close_received_) {
        if (rx_->in_payload()) {
            if (!take_payload()) break;
            continue;
        }
        if (in_.empty()) break;
        size_t used = 0;
        const auto e = rx_->read(in_.front(), used);
        in_.consume(used);
        on_event(e);
    }
    if (phase_ != phase::open) return;
    deliver(false);
    // A peer that has more to say than it said was cut off.
    if (net_in_over_ && in_.empty() && !close_received_) input_over();
}

void session::on_event(receiver::event e) {
    switch (e) {
        case receiver::event::none:
            return;
        case receiver::event::data:
            if (!rx_->in_message() || fin_due_ || packs_ || discard_) return;
            fin_due_ = true;
            begun_ = false;
            return;
        case receiver::event::ping:
            // RFC 6455, 5.5.3: of several the last may be answered alone
            pong_ = std::make_unique<std::string>(
                reinterpret_cast<const char*>(rx_->control().data()), rx_->control().size());
            return send_pong();
        case receiver::event::pong:
            return;
        case receiver::event::close:
            return on_close();
        case receiver::event::violation:
            return fail(rx_->why());
    }
}

void session::on_close() {
    uint16_t code = code_none;
    std::string_view reason;
    violation wrong;
    if (!read_close(rx_->control(), code, reason, wrong)) return fail(wrong);
    deliver(false);
    // A message that is not all there will never be.
    end_app(code, reason, !rx_->in_message() || packs_);
    close_received_ = true;
    in_.drop();
    if (code != code_none) return send_close(code);
    if (!std::exchange(close_sent_, true)) send_control(op_close, {});
}

// There will be no more payload. Without a Close that is no end in good order, unless it is our own
// side that gives up.
void session::input_over() {
    deliver(false);
    if (!farewell_) {
        end_app(code_abnormal, {}, close_sent_);
        close_received_ = true;
        close_sent_ = true;  // nobody is there to read it
        return settle();
    }
    discard_ = true;
    if (!app_open_ || std::exchange(app_in_over_, true)) return;
    meta_writer<weft_tcp_reset> why;
    const auto ref = why.text(*farewell_);
    why->text = ref;
    if (fin_due_ && begun_) {
        if (app_.credit() < app_.padding()) return app_.abort(why.get());
        app_.data(std::span<const weft_slice>(), nullptr, WEFT_FIN | WEFT_INCOMPLETE);
    }
    app_.end(why.get());
}

// Payload of the frame under way, as far as there is any and the application takes it. False when
// nothing more can be done now.
bool session::take_payload() {
    if (discard_) {
        const uint64_t n = std::min(in_.held(), rx_->left());
        in_.consume(n);
        rx_->advance(n);
        if (rx_->left() > 0) return false;
        fin_due_ = false;
        rx_->end_frame();
        return true;
    }
    if (rx_->compressed()) return inflate_payload();
    while (rx_->left() > 0) {
        if (in_.empty()) return false;
        const auto from = in_.front();
        const uint64_t wanted = std::min<uint64_t>(from.size(), rx_->left());
        const uint32_t n = block_room(wanted);
        if (n == 0) return false;
        uint8_t* const to = block_.base + block_.used;
        rx_->unmask(from.data(), to, n);
        in_.consume(n);
        rx_->advance(n);
        if (!rx_->accept({to, n})) {
            fail(rx_->why());
            return false;
        }
        block_.used += n;
    }
    return end_of_frame();
}

bool session::inflate_payload() {
    while (true) {
        const bool all = rx_->left() == 0;
        if (all && !rx_->last_frame() && !inflater_->has_more()) break;
        if (!all && in_.empty() && !inflater_->has_more()) return false;
        const uint32_t room =
            block_room(std::clamp<uint64_t>(4 * rx_->left(), 4 * block_size_min, block_size_max));
        if (room == 0) return false;
        const std::span<uint8_t> to{block_.base + block_.used, room};
        deflated d;
        if (all && rx_->last_frame()) {
            d = inflater_->finish(to);
        } else {
            size_t n = 0;
            if (!in_.empty() && !all) {
                const auto from = in_.front();
                n = std::min({from.size(), static_cast<size_t>(rx_->left()), hub_.scratch.size()});
                rx_->unmask(from.data(), hub_.scratch.data(), n);
            }
            d = inflater_->step({hub_.scratch.data(), n}, to);
            in_.consume(d.used);
            rx_->advance(d.used);
        }
        if (d.failed) {
            fail({code_invalid_data, "a message that cannot be decompressed"});
            return false;
        }
        if (!rx_->accept(to.first(d.made))) {
            fail(rx_->why());
            return false;
        }
        block_.used += static_cast<uint32_t>(d.made);
        if (all && rx_->last_frame() && !d.more) break;
    }
    return end_of_frame();
}

// False when its last byte waits for credit.
bool session::end_of_frame() {
    const bool last = rx_->last_frame();
    if (last && fin_due_ && !deliver(true)) return false;
    if (rx_->end_frame()) return true;
    fail(rx_->why());
    return false;
}

// Room for payload in the block, at most `wanted`: what the application takes. 0: none.
uint32_t session::block_room(uint64_t wanted) {
    if (!app_open_) return 0;
    if (block_.used == block_.capacity) {
        deliver(false);
        const uint32_t credit = app_.credit(), padding = app_.padding();
        if (credit <= padding) return 0;
        // Of a byte stream also the payload of the frames that follow goes in.
        const uint64_t useful = packs_ ? std::max(wanted, in_.held()) : wanted;
        block_.capacity =
            static_cast<uint32_t>(std::min<uint64_t>({std::max<uint64_t>(useful, block_size_min),
                                                      block_size_max, uint64_t{credit} - padding}));
        block_.bytes = hub_.here.alloc(block_.capacity, block_.base);
        if (!block_.base) {
            block_ = {};
            tear_down(code_internal_error);
            return 0;
        }
    }
    return static_cast<uint32_t>(std::min<uint64_t>(wanted, block_.capacity - block_.used));
}

// The block goes to the application. False when `last` must wait for credit.
bool session::deliver(bool last) {
    if (discard_ || app_in_over_ || !app_open_) {
        block_ = {};
        return true;
    }
    if (block_.used == 0 && !last) return true;
    if (block_.used == 0 && app_.credit() < app_.padding()) return false;
    uint16_t flags = WEFT_INIT | WEFT_FIN;
    meta_writer<weft_ws_data> kind;
    const weft_meta* meta = nullptr;
    if (!packs_) {
        flags = static_cast<uint16_t>((begun_ ? 0 : WEFT_INIT) | (last ? WEFT_FIN : 0));
        if (!begun_ && rx_->text()) {
            kind->opcode = op_text;
            meta = kind.get();
        }
        begun_ = true;
        if (last) fin_due_ = false;
    }
    const auto sent = std::exchange(block_, {});
    if (sent.used == 0) {
        app_.data(std::span<const weft_slice>(), meta, flags);
        return true;
    }
    weft_slice whole = sent.bytes.slice();
    whole.len = sent.used;
    app_.data(whole, meta, flags);
    return true;
}

}  // namespace weft::ws
