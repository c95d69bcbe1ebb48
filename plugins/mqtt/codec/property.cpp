#include "property.hpp"

#include "topic.hpp"
#include "utf8.hpp"

#include <array>

namespace weft::mqtt {

namespace {

using enum packet_type;

constexpr uint16_t in(auto... t) {
    return static_cast<uint16_t>((place_of(t) | ...));
}
constexpr uint16_t anywhere = static_cast<uint16_t>(
    will_place | in(connect, connack, publish, puback, pubrec, pubrel, pubcomp, subscribe, suback,
                    unsubscribe, unsuback, disconnect, auth));
constexpr uint16_t answers =
    in(connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth);
constexpr uint16_t messages = static_cast<uint16_t>(in(publish) | will_place);

// MQTT 5, table 2-4. Slots are handed out below, numbers and texts apart.
constexpr std::array<property_info, property_id_max + 1> make_table() {
    std::array<property_info, property_id_max + 1> t{};
    auto put = [&](property p, property_type type, uint16_t places) {
        t[static_cast<uint8_t>(p)] = {type, 0, places};
    };
    using enum property_type;
    put(property::payload_format, flag, messages);
    put(property::message_expiry, number_32, messages);
    put(property::content_type, text, messages);
    put(property::response_topic, text, messages);
    put(property::correlation_data, binary, messages);
    put(property::subscription_identifier, var, in(publish, subscribe));
    put(property::session_expiry, number_32, in(connect, connack, disconnect));
    put(property::assigned_client_identifier, text, in(connack));
    put(property::server_keep_alive, number_16, in(connack));
    put(property::authentication_method, text, in(connect, connack, auth));
    put(property::authentication_data, binary, in(connect, connack, auth));
    put(property::request_problem_information, flag, in(connect));
    put(property::will_delay, number_32, will_place);
    put(property::request_response_information, flag, in(connect));
    put(property::response_information, text, in(connack));
    put(property::server_reference, text, in(connack, disconnect));
    put(property::reason_string, text, answers);
    put(property::receive_maximum, number_16, in(connect, connack));
    put(property::topic_alias_maximum, number_16, in(connect, connack));
    put(property::topic_alias, number_16, in(publish));
    put(property::maximum_qos, flag, in(connack));
    put(property::retain_available, flag, in(connack));
    put(property::user, pair, anywhere);
    put(property::maximum_packet_size, number_32, in(connect, connack));
    put(property::wildcard_available, flag, in(connack));
    put(property::subscription_identifiers_available, flag, in(connack));
    put(property::shared_available, flag, in(connack));

    uint8_t numbers = 0, texts = 0;
    for (auto& e : t) {
        if (e.type == none || e.type == pair || e.type == var) continue;
        e.slot = e.type == text || e.type == binary ? texts++ : numbers++;
    }
    if (numbers > properties::numbers_max || texts > properties::texts_max) throw "too few slots";
    return t;
}
constexpr auto table = make_table();

bool read_number(reader& in, property_type type, uint32_t& v) {
    uint8_t b = 0;
    uint16_t s = 0;
    switch (type) {
        case property_type::flag:
        case property_type::number_8:
            if (!in.u8(b)) return false;
            v = b;
            return true;
        case property_type::number_16:
            if (!in.u16(s)) return false;
            v = s;
            return true;
        case property_type::number_32:
            return in.u32(v);
        default:
            return in.var(v);
    }
}

violation check_number(property p, property_type type, uint32_t v) {
    if (type == property_type::flag && v > 1) return protocol_error("property is neither 0 nor 1");
    if (v != 0) return {};
    switch (p) {
        case property::topic_alias:
            return {reason::topic_alias_invalid, "topic alias 0"};
        case property::receive_maximum:
            return protocol_error("receive maximum 0");
        case property::maximum_packet_size:
            return protocol_error("maximum packet size 0");
        case property::subscription_identifier:
            return protocol_error("subscription identifier 0");
        default:
            return {};
    }
}

// Values whose meaning depends on who sends them.
violation check_sender(property p, uint16_t place, role sender) {
    if (place == place_of(publish) && p == property::subscription_identifier &&
        sender == role::client)
        return protocol_error(
            "subscription identifier in a PUBLISH from a client");  // [MQTT-3.3.4-6]
    if (place != place_of(disconnect)) return {};
    if (p == property::session_expiry && sender == role::server)
        return protocol_error(
            "session expiry interval in a DISCONNECT from a server");  // [MQTT-3.14.2-2]
    if (p == property::server_reference && sender == role::client)
        return protocol_error("server reference in a DISCONNECT from a client");  // 3.14.2.2.5
    return {};
}

// Repeatable properties are only checked here; they are read from the block when somebody wants
// them.
violation parse_repeatable(reader& in, property p, property_type type) {
    if (type == property_type::var) {
        uint32_t id = 0;
        if (!in.var(id)) return malformed("subscription identifier is cut or not minimal");
        return check_number(p, type, id);
    }
    bytes name, value;
    if (!in.binary(name) || !in.binary(value)) return malformed("user property is cut");
    if (!is_mqtt_string(name) || !is_mqtt_string(value))
        return malformed("user property is not a valid UTF-8 string");
    return {};
}

violation parse_text(reader& in, property p, property_type type, bytes& v) {
    if (!in.binary(v)) return malformed("property is cut");
    if (type == property_type::text && !is_mqtt_string(v))
        return malformed("property is not a valid UTF-8 string");
    if (p == property::response_topic && !is_topic_name(as_text(v)))
        return protocol_error("response topic is empty or has wildcards");  // [MQTT-3.3.2-14]
    return {};
}

}  // namespace

const property_info& info_of(property p) {
    return table[static_cast<uint8_t>(p)];
}

void properties::skip(property p, reader& r) {
    bytes ignored;
    uint32_t number = 0;
    switch (info_of(p).type) {
        case property_type::text:
        case property_type::binary:
            r.binary(ignored);
            break;
        case property_type::pair:
            r.binary(ignored), r.binary(ignored);
            break;
        default:
            read_number(r, info_of(p).type, number);
    }
}

violation parse_properties(reader& in, uint16_t place, role sender, properties& out) {
    out.clear();
    uint32_t length = 0;
    bytes block;
    if (!in.var(length)) return malformed("property length is cut or not minimal");
    if (!in.take(length, block)) return malformed("properties are longer than their packet");

    reader r{block};
    uint8_t id = 0;
    bool repeated = false;
    while (r.u8(id)) {
        if (id > property_id_max || table[id].type == property_type::none)
            return malformed("unknown property");
        const auto p = static_cast<property>(id);
        const auto [type, slot, places] = table[id];
        if ((places & place) == 0)
            return malformed("property is not allowed in this packet");  // 2.2.2.2
        if (const violation f = check_sender(p, place, sender)) return f;
        const bool repeatable = p == property::user || (p == property::subscription_identifier &&
                                                        place == place_of(publish));
        if (!repeatable && (out.present_ & properties::bit(p)) != 0)
            return protocol_error("property appears twice");
        out.present_ |= properties::bit(p);

        if (type == property_type::var || type == property_type::pair) {
            repeated = true;
            if (const violation f = parse_repeatable(r, p, type)) return f;
        } else if (type == property_type::text || type == property_type::binary) {
            bytes v;
            if (const violation f = parse_text(r, p, type, v)) return f;
            out.texts_[slot] = as_text(v);
        } else {
            if (!read_number(r, type, out.numbers_[slot])) return malformed("property is cut");
            if (const violation f = check_number(p, type, out.numbers_[slot])) return f;
        }
    }
    if (out.has(property::authentication_data) && !out.has(property::authentication_method))
        return protocol_error("authentication data without a method");  // 3.1.2.11.10
    if (repeated) out.repeated_ = block;
    return {};
}

}  // namespace weft::mqtt
