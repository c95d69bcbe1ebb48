// receiver: what a peer sends, from bytes to messages: the rules of RFC 6455, 5.4 to 5.6 and 8.1.
// Heads and control frames are read here; payload of messages is left to the caller, who takes as
// much of it as he has room for. No I/O, no clock, no memory.
//
//   while (...) {
//       if (!r.in_payload()) { event = r.read(in, used); ... }
//       else { n = ...; r.unmask(from, to, n); r.advance(n);
//              if (r.left() == 0) ... r.end_frame(); }
//   }
#pragma once

#include "frame.hpp"
#include "limits.hpp"
#include "utf8.hpp"

namespace weft::ws {

struct receive_rules {
    bool masked = true;        // a client's frames are, a server's are not
    bool compression = false;  // permessage-deflate was agreed upon
    bool text = true;          // text messages are welcome
    uint64_t frame_max = message_size_max, message_max = message_size_max;
};

struct violation {
    uint16_t code = 0;
    const char* text = "";
};

class receiver {
public:
    enum class event : uint8_t { none, data, ping, pong, close, violation };

    explicit receiver(const receive_rules& r) : rules_(r) {}

    // Reads at the beginning of `in`. none: all of it was taken, and more is needed. data: payload
    // follows, maybe of no bytes. The others: see control() and why().
    event read(bytes in, size_t& used);

    // ---- a frame of a message ----
    bool in_payload() const { return in_payload_; }
    uint64_t left() const { return left_; }
    bool compressed() const { return compressed_; }
    bool text() const { return message_ == op_text; }
    bool last_frame() const { return head_.fin; }
    void unmask(const uint8_t* from, uint8_t* to, size_t n) const;
    void advance(uint64_t n) { left_ -= n; }
    // Looks at plain payload, in order; false with why().
    bool accept(bytes plain);
    // The frame is taken. False with why(): the text it ends is cut off.
    bool end_frame();
    bool in_message() const { return message_ != op_continuation; }

    // ---- what read() returned ----
    bytes control() const { return {control_.data(), control_size_}; }
    const violation& why() const { return why_; }

private:
    event on_head();
    event refuse(uint16_t code, const char* text);
    event on_control();

    const receive_rules rules_;
    head_reader reader_;
    frame_head head_;
    utf8_checker utf8_;
    std::array<uint8_t, control_size_max> control_{};
    uint8_t control_size_ = 0;
    uint8_t message_ = op_continuation;  // opcode of the message under way; continuation: none
    bool compressed_ = false, in_payload_ = false, in_control_ = false;
    uint64_t left_ = 0;
    uint64_t wire_size_ = 0, plain_size_ = 0;  // of the message
    violation why_;
};

// The code and reason of a Close; false with what is wrong with it.
bool read_close(bytes payload, uint16_t& code, std::string_view& reason, violation& why);

}  // namespace weft::ws
