#include "session.hpp"

#include <cstring>
#include <new>

namespace weft::ws {
namespace {

bool is_mqtt(std::string_view protocol) {
    return protocol.starts_with("mqtt");
}

}  // namespace

session::session(hub& h) : hub_(h) {
    hub_.add(*this);
}

session::~session() {
    disarm();
    if (deflate_memory_) hub_.return_memory(deflate_memory_);
    hub_.remove(*this);
}

void session::open_up(std::string_view protocol, const std::optional<agreed>& deflate) {
    const auto& config = hub_.config;
    receive_rules rules;
    rules.masked = config.is == kind::server;
    rules.compression = deflate.has_value();
    // MQTT 5, 6.0.0-1: binary frames only; 6.0.0-2: packets and frames have nothing to do with each
    // other, so that the payload is a byte stream
    packs_ = is_mqtt(protocol);
    rules.text = !packs_;
    rules.frame_max = config.frame_max;
    rules.message_max = config.message_max;
    rx_.emplace(rules);
    if (deflate) {
        inflater_ = std::make_unique<inflater>(deflate->peer_window_bits, deflate->peer_takeover);
        deflater_ = std::make_unique<deflater>(*config.deflate, *deflate);
    }
    phase_ = phase::open;
    hub_.opened.add();
    disarm();
    wait_for_silence();
    if (out_ended_) send_goodbye();
    pump();
}

bool session::say(std::string_view text) {
    uint8_t* to = nullptr;
    chunk c = hub_.here.alloc(static_cast<uint32_t>(text.size()), to);
    if (!to) {
        tear_down();
        return false;
    }
    std::memcpy(to, text.data(), text.size());
    out_.push(std::move(c));
    out_.pump();
    return true;
}

// ---- net ----

void session::net_data(const weft_data& d) {
    if (close_received_ || phase_ == phase::over) return;
    in_.receive(d);
    pinged_ = false;
    if (hub_.config.ping_interval_ns) last_heard_ns_ = hub_.here.now_ns();
    pump();
}

// END with a reason is our own side giving the connection up: what the application says in answer
// still reaches the peer.
void session::net_ended(const weft_frame& f) {
    net_in_over_ = true;
    if (const meta_view<weft_tcp_reset> why(f.meta); why) {
        farewell_ = std::make_unique<std::string>(why.text(why->text));
        goodbye_ = code_going_away;
    }
    pump();
}

void session::net_broke(const weft_frame& f) {
    tear_down(code_abnormal, f.meta);
}

void session::net_closed() {
    net_open_ = false;
    disarm();
    in_.drop();
    out_.close();
    if (app_open_) {
        app_.abort();
        app_.reset();
    }
    free_if_closed();
}

// ---- app ----

void session::app_data(const weft_data& d) {
    app_answered();
    if (phase_ != phase::open || out_ended_ || close_sent_) return;
    send_message_part(d);
    flush();
}

void session::app_window() {
    app_answered();
    if (phase_ == phase::open) pump();
}

void session::app_ended() {
    app_answered();
    out_ended_ = true;
    if (phase_ != phase::open) return;
    send_goodbye();
    flush();
}

void session::app_broke() {
    if (phase_ == phase::waiting || phase_ == phase::handshaking) return app_refused();
    if (phase_ != phase::open) return;
    out_ended_ = discard_ = true;
    in_.drop();
    if (app_open_ && !std::exchange(app_in_over_, true)) app_.abort();
    send_close(code_internal_error);
    close_received_ = true;  // it is not waited for
    flush();
}

// It reads no more. What it says is still sent.
void session::app_stopped() {
    if (phase_ == phase::waiting || phase_ == phase::handshaking) return app_refused();
    discard_ = true;
    if (app_open_ && !app_in_over_) app_.abort();
    app_in_over_ = true;
    if (phase_ == phase::open) pump();
}

void session::app_closed() {
    app_open_ = false;
    if (phase_ == phase::waiting || (phase_ == phase::handshaking && net_open_)) app_refused();
    if (net_open_ && phase_ == phase::open && !close_sent_) {
        discard_ = true;
        send_close(code_internal_error);
        flush();
    }
    free_if_closed();
}

// ---- the end ----

void session::fail(const violation& v) {
    deliver(false);
    tell_failure(v.code, v.text);
    end_app(v.code, v.text, false);
    send_close(v.code, v.text);
    close_received_ = true;  // RFC 6455, 7.1.7: nothing more is read
    in_.drop();
    flush();
}

void session::tell_failure(uint16_t code, const std::string& text) {
    hub_.failed.add();
    hub_.tell(WEFT_WARN,
              code == code_protocol_error ? "binding.ws.protocol.rejected"
                                          : "binding.ws.message.rejected",
              "The WebSocket connection was closed with " + std::to_string(code) + ": " + text +
                  " (" + peer() + ").",
              text);
}

// Nothing more comes, and nothing more is taken from it.
void session::end_app(uint16_t code, std::string_view reason, bool clean) {
    discard_ = true;
    if (!app_open_) return;
    meta_writer<weft_ws_end> how;
    how->code = code;
    if (!reason.empty()) {
        const auto ref = how.text(reason);
        how->reason = ref;
    }
    if (!std::exchange(app_in_over_, true)) clean ? app_.end(how.get()) : app_.abort(how.get());
    if (!out_ended_) app_.reset(how.get());
    out_ended_ = true;
}

void session::close_quietly() {
    phase_ = phase::over;
    in_.drop();
    if (!net_open_) return;
    out_.end();
    if (!out_.ended()) return arm(hub_.config.close_timeout_ns);
    stop_reading();
}

// tcp then writes what is queued and closes.
void session::stop_reading() {
    disarm();
    if (!std::exchange(net_stopped_, true)) net_.reset();
}

void session::tear_down(uint16_t code, const weft_meta* why) {
    const bool was_open = phase_ == phase::open;
    phase_ = phase::over;
    disarm();
    in_.drop();
    out_.drop();
    if (was_open) {
        end_app(code, {}, false);
    } else if (app_open_) {
        app_.reset(why);
        app_.abort(why);
    }
    if (!net_open_) return;
    net_.abort();
    if (!std::exchange(net_stopped_, true)) net_.reset();
}

void session::say_goodbye() {
    if (phase_ == phase::over) return;
    if (phase_ != phase::open) return handshake_failed(503, "the server stops");
    if (close_sent_) return;
    goodbye_ = code_going_away;
    if (!farewell_) farewell_ = std::make_unique<std::string>("the binding ends");
    discard_ = true;
    input_over();
    // What the application still says goes out before the Close; it has as long as a peer has.
    if (!close_sent_) arm(hub_.config.close_timeout_ns);
}

void session::free_if_closed() {
    if (net_open_ || app_open_) return;
    delete this;
}

// ---- time ----

void session::arm(uint64_t ns) {
    disarm();
    timer_ = hub_.here.timer_at(hub_.here.now_ns() + ns, call<&session::on_timer>, this);
}

void session::disarm() {
    if (timer_) hub_.here.cancel(std::exchange(timer_, 0));
}

void session::wait_for_silence() {
    const uint64_t interval = hub_.config.ping_interval_ns;
    if (interval == 0) return;
    last_heard_ns_ = hub_.here.now_ns();
    arm(interval);
}

void session::on_timer() {
    timer_ = 0;
    if (phase_ == phase::handshaking || phase_ == phase::waiting)
        return handshake_failed(408, "the handshake did not complete in time");
    if (phase_ != phase::open || close_sent_) return tear_down();
    if (farewell_) {
        end_app(code_going_away, {}, false);
        send_close(code_going_away);
        return flush();
    }
    on_silence();
}

// A peer that says nothing is asked for a sign of life. While we do not read, its signs are not
// seen.
void session::on_silence() {
    const auto& config = hub_.config;
    if (!in_.empty()) {
        pinged_ = false;
        last_heard_ns_ = hub_.here.now_ns();
    }
    if (pinged_) {
        hub_.failed.add();
        hub_.tell(WEFT_WARN, "binding.ws.peer.silent",
                  "The peer did not answer a ping in time (" + peer() + ").");
        return tear_down();
    }
    const uint64_t silent = hub_.here.now_ns() - last_heard_ns_;
    if (silent < config.ping_interval_ns) return arm(config.ping_interval_ns - silent);
    pinged_ = true;
    if (out_.idle()) send_control(op_ping, {});
    arm(config.ping_timeout_ns);
}

}  // namespace weft::ws
