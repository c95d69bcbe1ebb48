#include "encoder.hpp"

#include <bit>
#include <cstring>

namespace weft::mqtt {

namespace {

// Two sinks with one interface: the first measures what the second writes.
struct counter {
    uint32_t n = 0;
    void u8(uint8_t) { n += 1; }
    void raw(bytes b) { n += static_cast<uint32_t>(b.size()); }
};

struct writer {
    uint8_t* p;
    void u8(uint8_t v) { *p++ = v; }
    void raw(bytes b) {
        if (!b.empty()) std::memcpy(p, b.data(), b.size());
        p += b.size();
    }
};

template <class Sink>
void u16(Sink& s, uint32_t v) {
    s.u8(static_cast<uint8_t>(v >> 8));
    s.u8(static_cast<uint8_t>(v));
}
template <class Sink>
void u32(Sink& s, uint32_t v) {
    u16(s, v >> 16);
    u16(s, v & 0xffff);
}
template <class Sink>
void var(Sink& s, uint32_t v) {
    for (; v >= 128; v >>= 7) s.u8(static_cast<uint8_t>(v | 0x80));
    s.u8(static_cast<uint8_t>(v));
}
template <class Sink>
void binary(Sink& s, bytes b) {
    u16(s, static_cast<uint32_t>(b.size()));
    s.raw(b);
}
template <class Sink>
void text(Sink& s, std::string_view v) {
    binary(s, as_bytes(v));
}

template <class Sink>
void value(Sink& s, property p, const properties& props) {
    switch (info_of(p).type) {
        case property_type::flag:
        case property_type::number_8:
            s.u8(static_cast<uint8_t>(props.number(p)));
            break;
        case property_type::number_16:
            u16(s, props.number(p));
            break;
        case property_type::number_32:
            u32(s, props.number(p));
            break;
        default:
            text(s, props.text(p));
    }
}

template <class Sink>
void property_values(Sink& s, const properties& props) {
    for (uint64_t left = props.present(); left != 0; left &= left - 1) {
        const auto id = static_cast<uint8_t>(std::countr_zero(left));
        const auto p = static_cast<property>(id);
        if (p == property::user || p == property::subscription_identifier) continue;
        s.u8(id);
        value(s, p, props);
    }
    if (props.repeated().empty()) return;
    props.for_each_subscription_id([&](uint32_t id) {
        s.u8(static_cast<uint8_t>(property::subscription_identifier));
        var(s, id);
    });
    props.for_each_user([&](std::string_view name, std::string_view v) {
        s.u8(static_cast<uint8_t>(property::user));
        text(s, name);
        text(s, v);
    });
}

template <class Sink>
void property_block(Sink& s, const properties& props) {
    counter c;
    property_values(c, props);
    var(s, c.n);
    property_values(s, props);
}

template <class Sink>
void connect_body(Sink& s, const packet& p) {
    const auto& c = p.connect;
    text(s, "MQTT");
    s.u8(p.version);
    s.u8(static_cast<uint8_t>((c.clean_start ? 0x02 : 0) | (c.has_will ? 0x04 : 0) |
                              (c.has_will ? c.will.qos << 3 : 0) |
                              (c.has_will && c.will.retain ? 0x20 : 0) | (c.password ? 0x40 : 0) |
                              (c.user_name ? 0x80 : 0)));
    u16(s, c.keep_alive_s);
    if (p.version == version_5) property_block(s, p.props);
    text(s, c.client_id);
    if (c.has_will) {
        if (p.version == version_5) property_block(s, c.will.props);
        text(s, c.will.topic);
        binary(s, c.will.payload);
    }
    if (c.user_name) text(s, *c.user_name);
    if (c.password) binary(s, *c.password);
}

template <class Sink>
void connack_body(Sink& s, const packet& p) {
    s.u8(p.session_present ? 1 : 0);
    s.u8(p.version == version_5 ? static_cast<uint8_t>(p.code) : p.connack_311);
    if (p.version == version_5) property_block(s, p.props);
}

template <class Sink>
void publish_head(Sink& s, const packet& p) {
    text(s, p.publish.topic);
    if (p.publish.qos != 0) u16(s, p.packet_id);
    if (p.version == version_5) property_block(s, p.props);
}

// 3.4.2.1: success without properties is written in the short form.
template <class Sink>
void ack_body(Sink& s, const packet& p) {
    u16(s, p.packet_id);
    if (p.version != version_5 || (p.code == reason::success && p.props.empty())) return;
    s.u8(static_cast<uint8_t>(p.code));
    if (!p.props.empty()) property_block(s, p.props);
}

template <class Sink>
void subscribe_body(Sink& s, const packet& p) {
    u16(s, p.packet_id);
    if (p.version == version_5) property_block(s, p.props);
    for (const auto& f : p.subscriptions) {
        text(s, f.filter);
        const int options =
            f.qos | (f.no_local ? 4 : 0) | (f.retain_as_published ? 8 : 0) | f.retain_handling << 4;
        s.u8(static_cast<uint8_t>(options));
    }
}

template <class Sink>
void unsubscribe_body(Sink& s, const packet& p) {
    u16(s, p.packet_id);
    if (p.version == version_5) property_block(s, p.props);
    for (const auto& f : p.filters) text(s, f);
}

template <class Sink>
void suback_body(Sink& s, const packet& p) {
    u16(s, p.packet_id);
    if (p.version == version_5) property_block(s, p.props);
    if (p.version == version_5 || p.type == packet_type::suback) s.raw(p.reasons);
}

template <class Sink>
void disconnect_body(Sink& s, const packet& p) {
    if (p.version != version_5) return;
    if (p.code == reason::success && p.props.empty()) return;
    s.u8(static_cast<uint8_t>(p.code));
    if (p.type == packet_type::auth || !p.props.empty()) property_block(s, p.props);
}

template <class Sink>
void body(Sink& s, const packet& p) {
    switch (p.type) {
        case packet_type::connect:
            return connect_body(s, p);
        case packet_type::connack:
            return connack_body(s, p);
        case packet_type::publish:
            return publish_head(s, p);
        case packet_type::puback:
        case packet_type::pubrec:
        case packet_type::pubrel:
        case packet_type::pubcomp:
            return ack_body(s, p);
        case packet_type::subscribe:
            return subscribe_body(s, p);
        case packet_type::unsubscribe:
            return unsubscribe_body(s, p);
        case packet_type::suback:
        case packet_type::unsuback:
            return suback_body(s, p);
        case packet_type::pingreq:
        case packet_type::pingresp:
            return;
        case packet_type::disconnect:
        case packet_type::auth:
            return disconnect_body(s, p);
    }
}

uint8_t first_byte(const packet& p) {
    int flags = 0;
    if (p.type == packet_type::publish)
        flags = (p.publish.dup ? 8 : 0) | p.publish.qos << 1 | (p.publish.retain ? 1 : 0);
    else if (p.type == packet_type::pubrel || p.type == packet_type::subscribe ||
             p.type == packet_type::unsubscribe)
        flags = 2;
    return static_cast<uint8_t>(static_cast<int>(p.type) << 4 | flags);
}

uint32_t remaining_length(const packet& p) {
    counter c;
    body(c, p);
    return c.n + (p.type == packet_type::publish ? p.publish.payload_size : 0);
}

}  // namespace

uint32_t encoded_size(const packet& p) {
    const uint32_t remaining = remaining_length(p);
    return 1 + varint_size(remaining) + remaining;
}

uint8_t* encode(const packet& p, uint8_t* out) {
    writer w{out};
    w.u8(first_byte(p));
    var(w, remaining_length(p));
    body(w, p);
    return w.p;
}

void append_user(std::vector<uint8_t>& block, std::string_view name, std::string_view value) {
    counter c;
    text(c, name);
    text(c, value);
    const size_t at = block.size();
    block.resize(at + 1 + c.n);
    writer w{block.data() + at};
    w.u8(static_cast<uint8_t>(property::user));
    text(w, name);
    text(w, value);
}

void append_subscription_id(std::vector<uint8_t>& block, uint32_t id) {
    const size_t at = block.size();
    block.resize(at + 1 + varint_size(id));
    writer w{block.data() + at};
    w.u8(static_cast<uint8_t>(property::subscription_identifier));
    var(w, id);
}

}  // namespace weft::mqtt
