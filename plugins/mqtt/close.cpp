// The ends of a connection: refusals, DISCONNECT in both directions, loss, timeouts, shutdown.
#include "connection.hpp"

#include "encoder.hpp"

#include <algorithm>
#include <optional>

namespace weft::mqtt {

void connection::close(const violation& f) {
    close(f.code, f.text);
}

// The connection never was, so neither was its will: an end in good order cancels it.
void connection::refuse_will(const violation& f) {
    server_.errors.add();
    report_fault(f.code, f.text);
    write_last_words(f.code, f.text, {});
    end_in_good_order(reason::success);
    leave();
}

void connection::close(reason code, std::string_view text, std::string_view server_reference) {
    if (state_ == state::closing) return;
    server_.errors.add();
    report_fault(code, text);
    write_last_words(code, text, server_reference);
    meta_writer<weft_mqtt_reset> why;
    why->reason = static_cast<uint8_t>(code);
    why->session_expiry_s = session_expiry_s_;
    why->reason_string = why.text(text);
    end_session(why.get());
    leave();
}

// END, ABORT or RESET of the session stream: before its BEGIN it is the CONNACK's reason, later the
// DISCONNECT's.
void connection::close_from_provider(const weft_frame& f) {
    if (state_ == state::closing) return;
    const meta_view<weft_mqtt_reset> why(f.meta);
    if (!why) {
        return state_ == state::connecting
                   ? close(reason::server_unavailable, "the session is not available")
                   : close(reason::unspecified_error, "the session ended");
    }
    close(static_cast<reason>(why->reason), why.text(why->reason_string),
          why.text(why->server_reference));
}

void connection::write_last_words(reason code, std::string_view text,
                                  std::string_view server_reference) {
    packet& p = server_.out;
    // Before the session is open the version is that of the CONNECT in hand; 0 when there was none
    // to read.
    const uint8_t v = state_ == state::awaiting_connect ? server_.in.version : version();
    if (v == version_unknown || mid_delivery_) return;
    if (state_ == state::awaiting_connect && v == version_5) {
        // As far as CONNECT could be read; 0 is what it may be refused for.
        packet_size_max_ =
            server_.in.props.number(property::maximum_packet_size, packet_size_limit);
        if (packet_size_max_ == 0) packet_size_max_ = packet_size_limit;
    }
    if (state_ != state::connected) {
        p.reset(packet_type::connack, v <= version_311 ? version_311 : version_5);
        p.connack_311 = to_connack_311(code);
        if (p.version == version_311 && p.connack_311 == 0) return;
    } else {
        if (v != version_5) return;
        p.reset(packet_type::disconnect, v);
    }
    p.code = allowed(p.type, role::server, code) ? code : reason::implementation_specific_error;
    // 3.1.2.11.7: CONNACK and DISCONNECT may say why whatever Request Problem Information is.
    set_reason_string(p, text);
    if (const auto other = fit_mqtt_string(server_reference, limits::reason_string_bytes_max);
        !other.empty())
        p.props.set(property::server_reference, other);
    send(p);
}

void connection::end_session(const weft_meta* why) {
    const auto end = [&](stream s) {
        s.abort(why);
        s.reset(why);
    };
    if (session_) end(session_);
    each_side(end);
}

void connection::on_disconnect() {
    const packet& p = server_.in;
    if (state_ == state::authenticating) return lost();  // no session to end
    if (p.props.has(property::session_expiry)) {
        const uint32_t s = p.props.number(property::session_expiry);
        if (session_expiry_s_ == 0 && s != 0)  // 3.14.2.2.2
            return close(
                protocol_error("session expiry interval in DISCONNECT though CONNECT had none"));
        session_expiry_s_ = s;
    }
    goodbye_ = true;
    goodbye_code_ = p.code;
    if (!waiting()) say_goodbye();
}

// 3.1.2.5: only a DISCONNECT with 0x00 removes the will. For the exit that is 0x00 or 0x04; other
// reasons are the client's trouble.
void connection::say_goodbye() {
    end_in_good_order(goodbye_code_ == reason::success ? reason::success
                                                       : reason::disconnect_with_will);
    leave();
}

void connection::end_in_good_order(reason code) {
    meta_writer<weft_mqtt_reset> why;
    why->reason = static_cast<uint8_t>(code);
    why->session_expiry_s = session_expiry_s_;
    const auto end = [&](stream s) {
        s.end(why.get());
        s.reset();
    };
    end(session_);
    each_side(end);
}

void connection::lost() {
    if (state_ == state::closing) return;
    end_session(nullptr);
    outbox_.reset();
    leave();
}

void connection::leave() {
    state_ = state::closing;
    inbox_.reset();
    subscribed_.reset();
    drop_handshake();
    leave_quota();
    if (extras_) extras_->leave();
    flush();
    // Until the client has taken its last words; the network binding lingers for what it has.
    if (!left_ && net_)
        server_.arm(*this, server_.now_tick() + server::to_ticks(limits::close_timeout_ms));
}

void connection::out_of_memory() {
    report_fault(reason::quota_exceeded, "the worker has no memory for this client");
    server_.errors.add();
    lost();
}

void connection::on_deadline() {
    const auto now = server_.now_tick();
    switch (state_) {
        case state::awaiting_connect:
            report_fault(reason::protocol_error, "no CONNECT in time");
            return lost();
        case state::authenticating:
            return close(reason::not_authorized, "authentication took too long");
        case state::connecting:
            return;
        case state::connected:
            // What we do not read cannot be counted as silence, unless the client is known to be
            // gone.
            if (stalled_by_exit() && !net_ended_) last_heard_ = now;
            if (expired()) return close(reason::not_authorized, "the authorization has expired");
            if (keep_alive_s_ == 0 || now - last_heard_ < idle_ticks()) return arm_connected();
            return close(reason::keep_alive_timeout,
                         "nothing received within 1.5 times the keep alive");
        case state::closing:
            net_.abort();
            net_.reset();
            left_ = true;
    }
}

void connection::arm_connected() {
    std::optional<timer_wheel::tick> soonest;
    if (keep_alive_s_ != 0) soonest = last_heard_ + idle_ticks();
    if (const uint64_t until = expires_ms(); until != WEFT_GUARD_NEVER) {
        const uint64_t now_ms = server_.here.wall_ms();
        const auto left = std::min(until > now_ms ? until - now_ms : 0, limits::expiry_look_ms);
        const auto end = server_.now_tick() + server::to_ticks(left) + 1;
        if (!soonest || static_cast<int32_t>(end - *soonest) < 0) soonest = end;
    }
    if (soonest) server_.arm(*this, *soonest);
}

// 0x8B and not 0x9C or 0x9D (3.14.2.1): those send the client to another server, now or for good,
// and it is to come back to this one.
void connection::shut_down() {
    if (state_ == state::closing) return;
    if (state_ == state::awaiting_connect) return lost();
    close(state_ == state::connected ? reason::server_shutting_down : reason::server_unavailable,
          "the server is shutting down");
}

void connection::report_fault(reason code, std::string_view text) {
    const auto line = [&](const char* what) {
        std::string s = what;
        s += " client id (" + std::string(client_id()) + ") at (" + std::string(peer()) + "): ";
        s += describe(code);
        if (!text.empty()) (s += ", ") += text;
        return s + ".";
    };
    switch (code) {
        case reason::server_shutting_down:
            return;
        case reason::keep_alive_timeout:
            return server_.report(server_.timeout_events, WEFT_INFO,
                                  "binding.mqtt.keep.alive.timeout", line("Timed out"));
        case reason::malformed_packet:
        case reason::protocol_error:
        case reason::topic_filter_invalid:
        case reason::topic_name_invalid:
        case reason::topic_alias_invalid:
        case reason::receive_maximum_exceeded:
        case reason::packet_too_large:
        case reason::payload_format_invalid:
            return server_.report(server_.malformed_events, WEFT_WARN,
                                  "binding.mqtt.packet.rejected", line("Rejected a packet of"));
        default:
            return server_.report(server_.refused_events, WEFT_WARN,
                                  state_ == state::connected ? "binding.mqtt.client.disconnected"
                                                             : "binding.mqtt.client.refused",
                                  line(state_ == state::connected ? "Disconnected" : "Refused"));
    }
}

}  // namespace weft::mqtt
