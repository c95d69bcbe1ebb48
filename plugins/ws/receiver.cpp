#include "receiver.hpp"

#include <algorithm>
#include <cstring>

namespace weft::ws {

receiver::event receiver::refuse(uint16_t code, const char* text) {
    why_ = {code, text};
    return event::violation;
}

receiver::event receiver::read(bytes in, size_t& used) {
    used = 0;
    if (!in_control_) {
        used = reader_.feed(in);
        if (!reader_.complete()) return event::none;
        bool canonical = false;
        head_ = reader_.take(canonical);
        if (!canonical) return refuse(code_protocol_error, "a length in too many bytes");
        if (const event e = on_head(); e != event::none || !in_control_) return e;
    }
    const size_t n = std::min<size_t>(in.size() - used, left_);
    apply_mask(in.data() + used, control_.data() + control_size_, n, head_.key, control_size_);
    control_size_ = static_cast<uint8_t>(control_size_ + n);
    used += n;
    left_ -= n;
    return left_ > 0 ? event::none : on_control();
}

receiver::event receiver::on_head() {
    const auto& h = head_;
    if (h.reserved) return refuse(code_protocol_error, "a reserved bit is set");
    // RFC 6455, 5.1: either is reason enough to close
    if (h.masked != rules_.masked)
        return refuse(code_protocol_error,
                      rules_.masked ? "a frame that is not masked" : "a frame that is masked");
    if (is_control(h.op)) {
        if (h.op > op_pong) return refuse(code_protocol_error, "an unknown opcode");
        if (!h.fin) return refuse(code_protocol_error, "a control frame in fragments");
        if (h.compressed) return refuse(code_protocol_error, "a control frame with RSV1");
        if (h.size > control_size_max) return refuse(code_protocol_error, "a large control frame");
        in_control_ = true;
        control_size_ = 0;
        left_ = h.size;
        return event::none;
    }
    if (h.op > op_binary) return refuse(code_protocol_error, "an unknown opcode");
    const bool continues = h.op == op_continuation;
    if (continues != in_message())
        return refuse(code_protocol_error,
                      continues ? "a continuation of nothing" : "a message within another");
    if (h.compressed && (continues || !rules_.compression))
        return refuse(code_protocol_error, "RSV1 without need");
    if (!continues) {
        if (h.op == op_text && !rules_.text)
            return refuse(code_unsupported_data, "a text message where only binary ones are taken");
        message_ = h.op;
        compressed_ = h.compressed;
        wire_size_ = plain_size_ = 0;
        utf8_ = {};
    }
    if (h.size > rules_.frame_max) return refuse(code_too_big, "a frame larger than allowed");
    if (h.size > rules_.message_max - wire_size_)
        return refuse(code_too_big, "a message larger than allowed");
    wire_size_ += h.size;
    left_ = h.size;
    in_payload_ = true;
    return event::data;
}

receiver::event receiver::on_control() {
    in_control_ = false;
    return head_.op == op_close ? event::close : head_.op == op_ping ? event::ping : event::pong;
}

void receiver::unmask(const uint8_t* from, uint8_t* to, size_t n) const {
    if (n == 0) return;
    if (!head_.masked) {
        std::memcpy(to, from, n);
        return;
    }
    apply_mask(from, to, n, head_.key, head_.size - left_);
}

bool receiver::accept(bytes plain) {
    if (plain.size() > rules_.message_max - plain_size_) {
        refuse(code_too_big, "a message larger than allowed");
        return false;
    }
    plain_size_ += plain.size();
    if (!text() || utf8_.feed(plain)) return true;
    refuse(code_invalid_data, "a text that is not UTF-8");
    return false;
}

bool receiver::end_frame() {
    in_payload_ = false;
    if (!head_.fin) return true;
    const bool cut_off = text() && !utf8_.complete();
    message_ = op_continuation;
    compressed_ = false;
    if (cut_off) refuse(code_invalid_data, "a text that is not UTF-8");
    return !cut_off;
}

bool read_close(bytes payload, uint16_t& code, std::string_view& reason, violation& why) {
    code = code_none;
    reason = {};
    if (payload.empty()) return true;
    if (payload.size() == 1) {
        why = {code_protocol_error, "a Close with half a code"};
        return false;
    }
    code = static_cast<uint16_t>(payload[0] << 8 | payload[1]);
    if (!is_close_code(code)) {
        why = {code_protocol_error, "a Close with a code that is none"};
        return false;
    }
    const auto text = payload.subspan(2);
    utf8_checker utf8;
    if (!utf8.feed(text) || !utf8.complete()) {
        why = {code_invalid_data, "a Close whose reason is not UTF-8"};
        return false;
    }
    reason = {reinterpret_cast<const char*>(text.data()), text.size()};
    return true;
}

}  // namespace weft::ws
