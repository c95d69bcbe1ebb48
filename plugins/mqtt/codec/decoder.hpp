// decoder: bytes of one connection and one direction in, packets out.
//
//   for (bytes in = what_arrived;;) switch (d.next(in, p)) {
//       case step::packet:    handle(p);        // of a PUBLISH, p.publish.payload has arrived
//       case step::payload:   more(p.publish);  // and p.publish.payload_left is still to come
//       case step::need_more: return;           // `in` is empty now
//       case step::error:     refuse(p.error);  // every later call says the same
//   }
//
// It may be fed in any pieces, one byte at a time included, and gives the same packets and the same
// error. A packet that lies whole in `in` is decoded in place. Of one that is cut, everything but a
// PUBLISH's payload is gathered (at most size_max bytes, and only what has arrived is held);
// payload bytes are never copied. At a packet boundary the decoder holds no memory.
//
// The version is learnt from CONNECT; the first packet of a client must be one and no later packet
// may [MQTT-3.1.0-1, -2].
#pragma once

#include "packet.hpp"

#include <memory>

namespace weft::mqtt {

enum class step : uint8_t { need_more, packet, payload, error };

// The largest packet MQTT can express: fixed header and Remaining Length.
inline constexpr uint32_t packet_size_limit = 1 + varint_bytes_max + varint_max;

class decoder {
public:
    // `sender` wrote the bytes. A decoder of a server's bytes is told the version by its user.
    decoder(role sender, uint32_t size_max, uint8_t version = version_unknown)
        : size_max_(size_max), version_(version), sender_(sender) {}

    step next(bytes& in, packet& out);

    uint8_t version() const { return version_; }
    void set_version(uint8_t v) { version_ = v; }
    // No packet has begun.
    bool at_boundary() const { return held() == 0 && payload_left_ == 0; }
    // Bytes held of a cut packet.
    size_t held() const { return broken_ ? broken_->head.size() : 0; }

private:
    // A packet that is cut, or one that was refused and after which there is no other.
    struct broken {
        std::vector<uint8_t> head;
        violation error;
    };
    struct extent {
        uint32_t need = 0;  // bytes of the head, or enough to know more
        bool known = false;
        violation error;
    };
    extent measure(bytes b) const;
    extent measure_publish(bytes b, uint32_t header, uint32_t total) const;
    violation check_first_byte(uint8_t b) const;

    step gather(bytes& in, packet& out);
    step decode(bytes head, bytes& in, packet& out);
    step fragment(bytes& in, packet& out);
    step refuse(violation f, packet& out);

    std::unique_ptr<broken> broken_;
    uint32_t payload_left_ = 0;
    uint32_t size_max_;
    uint8_t version_;
    bool is_version_31_ = false;  // whose fixed headers have DUP where v3.1.1 has none
    role sender_;
};

// Decoding of one packet's body, by family; `in` is what follows the fixed header.
violation decode_connect(reader in, packet& out);
violation decode_connack(reader in, packet& out);
violation decode_publish(uint8_t flags, reader in, role sender, packet& out);  // up to the payload
violation decode_ack(reader in, role sender, packet& out);
violation decode_subscribe(reader in, role sender, packet& out);
violation decode_unsubscribe(reader in, role sender, packet& out);
violation decode_suback(reader in, role sender, packet& out);  // and UNSUBACK
violation decode_disconnect(reader in, role sender, packet& out);
violation decode_auth(reader in, role sender, packet& out);

}  // namespace weft::mqtt
