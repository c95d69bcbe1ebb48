// Encoding of packets. A PUBLISH is written up to its payload, so that the payload can follow as a
// slice of its own.
#pragma once

#include "packet.hpp"

namespace weft::mqtt {

// Bytes of the whole packet on the wire, a PUBLISH's payload (publish.payload_size) included.
uint32_t encoded_size(const packet& p);

// Writes `p`, all but a PUBLISH's payload, and returns the end. `out` has room for head_size(p)
// bytes. Properties are written in the order of their ids, then the repeated ones in theirs; v3.1.1
// packets carry none.
uint8_t* encode(const packet& p, uint8_t* out);

// Bytes that encode writes.
inline uint32_t head_size(const packet& p) {
    return encoded_size(p) - (p.type == packet_type::publish ? p.publish.payload_size : 0);
}

// Appends one user property or subscription identifier in wire form; a sequence of them is what
// properties::set_repeated takes.
void append_user(std::vector<uint8_t>& block, std::string_view name, std::string_view value);
void append_subscription_id(std::vector<uint8_t>& block, uint32_t id);

}  // namespace weft::mqtt
