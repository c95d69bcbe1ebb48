// The properties of a v5 packet (MQTT 5, 2.2.2): parsed once into a flat set of values, checked for
// type, place, range and repetition.
//
// Texts are views into the parsed bytes. User properties and the Subscription Identifiers of a
// PUBLISH may repeat; they stay in their wire form in `repeated` and are walked with for_each_user
// and for_each_subscription_id.
#pragma once

#include "reader.hpp"

namespace weft::mqtt {

enum class property : uint8_t {
    payload_format = 0x01,
    message_expiry = 0x02,
    content_type = 0x03,
    response_topic = 0x08,
    correlation_data = 0x09,
    subscription_identifier = 0x0b,
    session_expiry = 0x11,
    assigned_client_identifier = 0x12,
    server_keep_alive = 0x13,
    authentication_method = 0x15,
    authentication_data = 0x16,
    request_problem_information = 0x17,
    will_delay = 0x18,
    request_response_information = 0x19,
    response_information = 0x1a,
    server_reference = 0x1c,
    reason_string = 0x1f,
    receive_maximum = 0x21,
    topic_alias_maximum = 0x22,
    topic_alias = 0x23,
    maximum_qos = 0x24,
    retain_available = 0x25,
    user = 0x26,
    maximum_packet_size = 0x27,
    wildcard_available = 0x28,
    subscription_identifiers_available = 0x29,
    shared_available = 0x2a
};
inline constexpr uint8_t property_id_max = 0x2a;

enum class property_type : uint8_t {
    none,
    flag,
    number_8,
    number_16,
    number_32,
    var,
    text,
    binary,
    pair
};

struct property_info {
    property_type type = property_type::none;
    uint8_t slot = 0;     // where its value lives
    uint16_t places = 0;  // bit per packet type, bit 0: will properties
};
const property_info& info_of(property p);
inline constexpr uint16_t will_place = 1;
constexpr uint16_t place_of(packet_type t) {
    return static_cast<uint16_t>(1u << static_cast<uint8_t>(t));
}

class properties {
public:
    static constexpr size_t numbers_max = 16;
    static constexpr size_t texts_max = 9;

    void clear() {
        present_ = 0;
        repeated_ = {};
    }
    bool empty() const { return present_ == 0 && repeated_.empty(); }
    bool has(property p) const { return (present_ & bit(p)) != 0; }

    uint32_t number(property p, uint32_t absent = 0) const {
        return has(p) ? numbers_[info_of(p).slot] : absent;
    }
    std::string_view text(property p) const {
        return has(p) ? texts_[info_of(p).slot] : std::string_view{};
    }
    void set(property p, uint32_t v) {
        numbers_[info_of(p).slot] = v;
        present_ |= bit(p);
    }
    void set(property p, std::string_view v) {
        texts_[info_of(p).slot] = v;
        present_ |= bit(p);
    }
    void drop(property p) { present_ &= ~bit(p); }

    // A property block whose repeatable members count; the others in it are already in the fields.
    void set_repeated(bytes block) { repeated_ = block; }
    bytes repeated() const { return repeated_; }
    uint64_t present() const { return present_; }  // a bit per id

    // f(name, value), in order.
    template <class F>
    void for_each_user(F&& f) const {
        walk([&](property p, reader& r) {
            if (p != property::user) return false;
            std::string_view name, value;
            r.text(name);
            r.text(value);
            f(name, value);
            return true;
        });
    }
    template <class F>
    void for_each_subscription_id(F&& f) const {
        walk([&](property p, reader& r) {
            uint32_t id = 0;
            if (p != property::subscription_identifier) return false;
            r.var(id);
            f(id);
            return true;
        });
    }
    // The Subscription Identifier of a SUBSCRIBE, 0 when it has none.
    uint32_t subscription_id() const {
        uint32_t id = 0;
        for_each_subscription_id([&](uint32_t v) { id = v; });
        return id;
    }

private:
    static uint64_t bit(property p) { return uint64_t{1} << static_cast<uint8_t>(p); }

    // Calls f(id, reader at the value); f returns true when it has consumed the value.
    template <class F>
    void walk(F&& f) const {
        reader r{repeated_};
        uint8_t id = 0;
        while (r.u8(id))
            if (!f(static_cast<property>(id), r)) skip(static_cast<property>(id), r);
    }
    static void skip(property p, reader& r);

    friend violation parse_properties(reader&, uint16_t, role, properties&);
    uint64_t present_ = 0;
    bytes repeated_{};
    uint32_t numbers_[numbers_max];
    std::string_view texts_[texts_max];
};

// Reads Property Length and the properties of `place` (place_of(type) or will_place) written by
// `sender`.
violation parse_properties(reader& in, uint16_t place, role sender, properties& out);

}  // namespace weft::mqtt
