#include "decoder.hpp"

#include <algorithm>

namespace weft::mqtt {

namespace {

constexpr uint8_t type_bits(uint8_t first) {
    return static_cast<uint8_t>(first >> 4);
}
constexpr packet_type type_of(uint8_t first) {
    return static_cast<packet_type>(type_bits(first));
}

bool sent_by(role sender, packet_type t) {
    switch (t) {
        case packet_type::connect:
        case packet_type::subscribe:
        case packet_type::unsubscribe:
        case packet_type::pingreq:
            return sender == role::client;
        case packet_type::connack:
        case packet_type::suback:
        case packet_type::unsuback:
        case packet_type::pingresp:
            return sender == role::server;
        default:
            return true;
    }
}

violation decode_body(uint8_t first, reader in, role sender, packet& out) {
    switch (type_of(first)) {
        case packet_type::connect:
            return decode_connect(in, out);
        case packet_type::connack:
            return decode_connack(in, out);
        case packet_type::publish:
            return decode_publish(first & 0x0f, in, sender, out);
        case packet_type::puback:
        case packet_type::pubrec:
        case packet_type::pubrel:
        case packet_type::pubcomp:
            return decode_ack(in, sender, out);
        case packet_type::subscribe:
            return decode_subscribe(in, sender, out);
        case packet_type::suback:
        case packet_type::unsuback:
            return decode_suback(in, sender, out);
        case packet_type::unsubscribe:
            return decode_unsubscribe(in, sender, out);
        case packet_type::pingreq:
        case packet_type::pingresp:
            return in.empty() ? violation{} : malformed("ping with a body");
        case packet_type::disconnect:
            return decode_disconnect(in, sender, out);
        case packet_type::auth:
            return decode_auth(in, sender, out);
    }
    return malformed("packet type 0");
}

}  // namespace

// 2.1.3: flags are fixed except those of PUBLISH, and a wrong one is malformed.
violation decoder::check_first_byte(uint8_t b) const {
    if (type_bits(b) == 0) return malformed("packet type 0 is reserved");
    const packet_type t = type_of(b);
    const uint8_t flags = b & 0x0f;
    if (t == packet_type::publish) {
        const uint8_t qos = (flags >> 1) & 3;
        if (qos == 3) return malformed("PUBLISH with QoS 3");                 // [MQTT-3.3.1-4]
        if (qos == 0 && (flags & 8)) return malformed("DUP set with QoS 0");  // [MQTT-3.3.1-2]
    } else {
        const bool two = t == packet_type::pubrel || t == packet_type::subscribe ||
                         t == packet_type::unsubscribe;
        const int mask = is_version_31_ ? 0x06 : 0x0f;
        if ((flags & mask) != (two ? 2 : 0))
            return malformed("reserved flags of the fixed header are wrong");
    }
    if (!sent_by(sender_, t)) return protocol_error("packet type of the other side");
    if (sender_ == role::client && (t == packet_type::connect) != (version_ == version_unknown))
        return protocol_error(version_ == version_unknown ? "the first packet is not CONNECT"
                                                          : "second CONNECT");
    if (t == packet_type::auth && version_ == version_311)
        return malformed("packet type 15 is reserved");
    return {};
}

decoder::extent decoder::measure(bytes b) const {
    if (b.empty()) return {2, false, {}};
    if (const violation f = check_first_byte(b[0])) return {0, false, f};
    const varint length = peek_varint(b.subspan(1));
    if (length.is == varint::state::too_long)
        return {0, false, malformed("remaining length is longer than four bytes")};
    if (length.is == varint::state::cut) return {static_cast<uint32_t>(b.size()) + 1, false, {}};
    if (!length.minimal && version_ == version_5)
        return {0, false, malformed("remaining length is not minimal")};
    const uint32_t header = 1u + length.size;
    const uint32_t total = header + length.value;
    if (total > size_max_)
        return {
            0, false, {reason::packet_too_large, "packet is larger than the maximum packet size"}};
    if (type_of(b[0]) == packet_type::publish) return measure_publish(b, header, total);
    return {total, true, {}};
}

// The head of a PUBLISH ends where its payload begins.
decoder::extent decoder::measure_publish(bytes b, uint32_t header, uint32_t total) const {
    static constexpr violation cut{reason::malformed_packet, "PUBLISH is shorter than its header"};
    if (total < header + 2) return {0, false, cut};
    if (b.size() < header + 2) return {header + 2, false, {}};
    const uint32_t topic = static_cast<uint32_t>(b[header] << 8 | b[header + 1]);
    uint32_t need = header + 2 + topic + ((b[0] & 0x06) != 0 ? 2 : 0);
    if (need > total) return {0, false, cut};
    if (version_ != version_5) return {need, true, {}};
    if (b.size() <= need) return need < total ? extent{need + 1, false, {}} : extent{0, false, cut};

    const varint length = peek_varint(b.subspan(need, std::min<size_t>(b.size(), total) - need));
    if (length.is == varint::state::too_long || !length.minimal)
        return {0, false, malformed("property length is cut or not minimal")};
    if (length.is == varint::state::cut) {
        const auto more = static_cast<uint32_t>(b.size()) + 1;
        return more <= total ? extent{more, false, {}} : extent{0, false, cut};
    }
    need += length.size + length.value;
    if (need > total) return {0, false, malformed("properties are longer than their packet")};
    return {need, true, {}};
}

step decoder::next(bytes& in, packet& out) {
    if (payload_left_ != 0) return fragment(in, out);
    if (broken_) return broken_->error ? refuse(broken_->error, out) : gather(in, out);
    if (in.empty()) return step::need_more;
    const extent e = measure(in);
    if (e.error) return refuse(e.error, out);
    if (!e.known || in.size() < e.need) return gather(in, out);
    const bytes head = in.first(e.need);
    in = in.subspan(e.need);
    return decode(head, in, out);
}

step decoder::gather(bytes& in, packet& out) {
    if (!broken_) broken_ = std::make_unique<broken>();
    auto& head = broken_->head;
    for (;;) {
        const extent e = measure(head);
        if (e.error) return refuse(e.error, out);
        if (e.known && head.size() == e.need) break;
        const size_t n = std::min<size_t>(in.size(), e.need - head.size());
        if (n == 0) return step::need_more;
        head.insert(head.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(n));
        in = in.subspan(n);
    }
    out.storage = std::move(head);
    broken_.reset();
    return decode(out.storage, in, out);
}

step decoder::decode(bytes head, bytes& in, packet& out) {
    const varint length = peek_varint(head.subspan(1));
    const auto type = type_of(head[0]);
    out.reset(type, version_);
    out.size = 1u + length.size + length.value;
    if (const violation f =
            decode_body(head[0], reader{head.subspan(1u + length.size)}, sender_, out))
        return refuse(f, out);
    if (type == packet_type::connect && sender_ == role::client) {
        // The version decides about the Remaining Length that came before it.
        if (out.version == version_5 && !length.minimal)
            return refuse(malformed("remaining length is not minimal"), out);
        version_ = out.version;
        is_version_31_ = out.connect.is_version_31;
    }
    if (type == packet_type::publish) {
        payload_left_ = out.size - static_cast<uint32_t>(head.size());
        out.publish.payload_size = payload_left_;
        out.publish.payload_left = 0;
        out.publish.payload = {};
        if (payload_left_ != 0) fragment(in, out);
    }
    return step::packet;
}

step decoder::fragment(bytes& in, packet& out) {
    const auto n = static_cast<uint32_t>(std::min<size_t>(in.size(), payload_left_));
    payload_left_ -= n;
    out.publish.payload = in.first(n);
    out.publish.payload_left = payload_left_;
    in = in.subspan(n);
    return n != 0 ? step::payload : step::need_more;
}

step decoder::refuse(violation f, packet& out) {
    broken_ = std::make_unique<broken>(broken{{}, f});
    payload_left_ = 0;
    out.error = f;
    return step::error;
}

}  // namespace weft::mqtt
