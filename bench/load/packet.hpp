// Just enough MQTT 5 for a load generator: packets to bytes, and the frame of the next packet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace load {

enum packet_type : uint8_t {
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9
};

inline void put_u16(std::string& out, uint16_t value) {
    out.push_back(static_cast<char>(value >> 8));
    out.push_back(static_cast<char>(value & 0xff));
}

inline void put_text(std::string& out, std::string_view text) {
    put_u16(out, static_cast<uint16_t>(text.size()));
    out.append(text);
}

inline void put_header(std::string& out, packet_type type, uint8_t flags, size_t remaining) {
    out.push_back(static_cast<char>(type << 4 | flags));
    do {
        const auto digit = static_cast<uint8_t>(remaining % 128);
        remaining /= 128;
        out.push_back(static_cast<char>(digit | (remaining != 0 ? 0x80 : 0)));
    } while (remaining != 0);
}

inline void put_connect(std::string& out, std::string_view client_id) {
    // Receive Maximum stays at its default of 65535, so the server is never held back by it.
    put_header(out, connect, 0, 11 + 2 + client_id.size());
    put_text(out, "MQTT");
    out.append("\x05\x02", 2);  // version 5, clean start
    put_u16(out, 0);            // no keep alive: an idle session sends nothing
    out.push_back(0);
    put_text(out, client_id);
}

inline void put_subscribe(std::string& out, std::string_view filter, uint8_t qos) {
    put_header(out, subscribe, 2, 2 + 1 + 2 + filter.size() + 1);
    put_u16(out, 1);
    out.push_back(0);
    put_text(out, filter);
    out.push_back(static_cast<char>(qos));
}

inline void put_publish(std::string& out, std::string_view topic, uint8_t qos, uint16_t packet_id,
                        std::string_view payload) {
    put_header(out, publish, static_cast<uint8_t>(qos << 1),
               2 + topic.size() + (qos != 0 ? 2U : 0U) + 1 + payload.size());
    put_text(out, topic);
    if (qos != 0) put_u16(out, packet_id);
    out.push_back(0);
    out.append(payload);
}

inline void put_ack(std::string& out, packet_type type, uint16_t packet_id) {
    put_header(out, type, type == pubrel ? 2 : 0, 2);
    put_u16(out, packet_id);
}

struct frame {
    uint8_t type = 0, flags = 0;
    std::string_view body;
    size_t size = 0;  // of the whole packet
};

// The first packet in `bytes`, if it is complete.
inline std::optional<frame> next_frame(std::string_view bytes) {
    size_t length = 0;
    for (size_t at = 1; at < bytes.size() && at <= 4; ++at) {
        const auto digit = static_cast<uint8_t>(bytes[at]);
        length |= static_cast<size_t>(digit & 0x7f) << (7 * (at - 1));
        if ((digit & 0x80) != 0) continue;
        const size_t size = at + 1 + length;
        if (bytes.size() < size) return std::nullopt;
        const auto head = static_cast<uint8_t>(bytes[0]);
        return frame{static_cast<uint8_t>(head >> 4), static_cast<uint8_t>(head & 15),
                     bytes.substr(at + 1, length), size};
    }
    return std::nullopt;
}

inline uint16_t get_u16(std::string_view bytes, size_t at) {
    return static_cast<uint16_t>(static_cast<uint8_t>(bytes.at(at)) << 8 |
                                 static_cast<uint8_t>(bytes.at(at + 1)));
}

// The payload of a PUBLISH body.
inline std::string_view payload_of(const frame& f) {
    size_t at = 2 + static_cast<size_t>(get_u16(f.body, 0));
    if ((f.flags & 6) != 0) at += 2;
    size_t properties = 0;
    for (int shift = 0;; shift += 7) {
        const auto digit = static_cast<uint8_t>(f.body.at(at++));
        properties |= static_cast<size_t>(digit & 0x7f) << shift;
        if ((digit & 0x80) == 0) break;
    }
    return f.body.substr(at + properties);
}

inline uint16_t packet_id_of_publish(const frame& f) {
    return get_u16(f.body, 2 + static_cast<size_t>(get_u16(f.body, 0)));
}

}  // namespace load
