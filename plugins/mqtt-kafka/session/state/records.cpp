#include "session/state/records.hpp"

#include "session/state/bytes.hpp"

namespace weft::mqtt_kafka {

namespace {

constexpr uint8_t version = 1;

std::string owned(std::optional<std::string_view> s) {
    return std::string(s.value_or(std::string_view{}));
}
std::optional<std::string> maybe_owned(std::optional<std::string_view> s) {
    return s ? std::optional<std::string>(*s) : std::nullopt;
}
decoded result(const byte_reader& r) {
    return r.ok() ? decoded::ok : decoded::malformed;
}

// Reads the version that every structured value of ours begins with.
template <class F>
decoded versioned(std::string_view bytes, F&& read) {
    byte_reader r(bytes);
    const auto found = r.number<uint8_t>();
    if (!r.ok()) return decoded::malformed;
    if (found != version) return decoded::unknown_version;
    read(r);
    return result(r);
}

}  // namespace

std::string encode(const session_state& v) {
    byte_writer w;
    w.number<uint8_t>(version);
    w.array(v.filters, [&](const session_state::filter& f) {
        w.number<uint32_t>(f.id);
        w.number<uint8_t>(f.qos);
        w.number<uint8_t>(f.flags);
        w.number<uint8_t>(f.reason);
        w.text(f.pattern);
    });
    return w.take();
}

decoded decode(std::string_view bytes, session_state& out) {
    return versioned(bytes, [&](byte_reader& r) {
        r.array([&] {
            session_state::filter f;
            f.id = r.number<uint32_t>();
            f.qos = r.number<uint8_t>();
            f.flags = r.number<uint8_t>();
            f.reason = r.number<uint8_t>();
            f.pattern = owned(r.text());
            out.filters.push_back(std::move(f));
        });
    });
}

std::string encode(const owner_claim& v) {
    byte_writer w;
    w.number<uint8_t>(version);
    w.text(v.instance);
    w.number<int64_t>(v.nonce);
    w.number<int64_t>(v.time_ms);
    return w.take();
}

decoded decode(std::string_view bytes, owner_claim& out) {
    return versioned(bytes, [&](byte_reader& r) {
        out.instance = owned(r.text());
        out.nonce = r.number<int64_t>();
        out.time_ms = r.number<int64_t>();
    });
}

std::string encode(const session_offsets& v) {
    byte_writer w;
    w.number<uint8_t>(version);
    w.array(v.partitions, [&](const session_offsets::partition& p) {
        w.text(p.topic);
        w.number<int32_t>(p.id);
        w.number<int64_t>(p.position);
        w.number<int64_t>(p.next_number);
        w.number<int16_t>(p.producer_epoch);
        w.number<int32_t>(0);  // producer sequence, always 0
        // An empty list is written as -1.
        w.number<int16_t>(p.packet_ids.empty() ? int16_t{-1}
                                               : static_cast<int16_t>(p.packet_ids.size()));
        for (const uint16_t id : p.packet_ids) w.number<uint16_t>(id);
    });
    return w.take();
}

decoded decode(std::string_view bytes, session_offsets& out) {
    return versioned(bytes, [&](byte_reader& r) {
        r.array([&] {
            session_offsets::partition p;
            p.topic = owned(r.text());
            p.id = r.number<int32_t>();
            p.position = r.number<int64_t>();
            p.next_number = r.number<int64_t>();
            p.producer_epoch = r.number<int16_t>();
            r.number<int32_t>();
            const auto count = r.number<int16_t>();
            for (int16_t i = 0; i < count && r.ok(); ++i)
                p.packet_ids.push_back(r.number<uint16_t>());
            out.partitions.push_back(std::move(p));
        });
    });
}

std::string encode(const session_inflight& v) {
    byte_writer w;
    w.number<uint8_t>(version);
    w.array(v.deliveries, [&](const session_inflight::delivery& d) {
        w.number<uint16_t>(d.packet_id);
        w.text(d.topic);
        w.number<int32_t>(d.partition);
        w.number<int64_t>(d.offset);
        w.number<uint8_t>(d.qos);
        w.number<uint8_t>(d.state);
    });
    w.array(v.positions, [&](const session_inflight::position& p) {
        w.text(p.topic);
        w.number<int32_t>(p.partition);
        w.number<int64_t>(p.next);
    });
    return w.take();
}

decoded decode(std::string_view bytes, session_inflight& out) {
    return versioned(bytes, [&](byte_reader& r) {
        r.array([&] {
            session_inflight::delivery d;
            d.packet_id = r.number<uint16_t>();
            d.topic = owned(r.text());
            d.partition = r.number<int32_t>();
            d.offset = r.number<int64_t>();
            d.qos = r.number<uint8_t>();
            d.state = r.number<uint8_t>();
            out.deliveries.push_back(std::move(d));
        });
        r.array([&] {
            session_inflight::position p;
            p.topic = owned(r.text());
            p.partition = r.number<int32_t>();
            p.next = r.number<int64_t>();
            out.positions.push_back(std::move(p));
        });
    });
}

std::string encode(const session_signal& v) {
    byte_writer w;
    w.number<uint8_t>(v.kind);
    w.text(v.instance);
    w.text(v.client_id);
    w.number<int32_t>(v.delay_ms);
    w.number<int64_t>(v.at_ms);
    if (v.kind == session_signal::will) {
        w.text(v.lifetime_id);
        w.text(v.will_id);
    }
    return w.take();
}

decoded decode(std::string_view bytes, session_signal& out) {
    byte_reader r(bytes);
    const auto kind = r.number<uint8_t>();
    if (!r.ok()) return decoded::malformed;
    if (kind > session_signal::expiry) return decoded::unknown_version;
    out.kind = static_cast<session_signal::kind_t>(kind);
    out.instance = owned(r.text());
    out.client_id = owned(r.text());
    out.delay_ms = r.number<int32_t>();
    out.at_ms = r.number<int64_t>();
    if (out.kind == session_signal::will) {
        out.lifetime_id = owned(r.text());
        out.will_id = owned(r.text());
    }
    return result(r);
}

std::string encode(const will_message& v) {
    byte_writer w;
    w.text(v.topic);
    w.number<int32_t>(v.delay_ms);
    w.number<uint8_t>(v.qos);
    w.number<uint8_t>(v.flags);
    w.number<int32_t>(v.expiry_s);
    w.text(v.content_type);
    w.number<uint8_t>(v.format);
    w.text(v.response_topic);
    w.text(v.lifetime_id);
    w.text(v.will_id);
    w.binary(v.correlation);
    w.array(v.properties, [&](const auto& p) {
        w.text(p.first);
        w.text(p.second);
    });
    w.number<uint16_t>(static_cast<uint16_t>(v.payload.size()));
    w.raw(v.payload);
    return w.take();
}

decoded decode(std::string_view bytes, will_message& out) {
    byte_reader r(bytes);
    out.topic = owned(r.text());
    out.delay_ms = r.number<int32_t>();
    out.qos = r.number<uint8_t>();
    out.flags = r.number<uint8_t>();
    out.expiry_s = r.number<int32_t>();
    out.content_type = maybe_owned(r.text());
    out.format = r.number<uint8_t>();
    out.response_topic = maybe_owned(r.text());
    out.lifetime_id = owned(r.text());
    out.will_id = owned(r.text());
    out.correlation = maybe_owned(r.binary());
    r.array([&] {
        auto name = owned(r.text());
        out.properties.emplace_back(std::move(name), owned(r.text()));
    });
    const auto size = r.number<uint16_t>();
    if (!r.ok() || r.rest().size() != size || out.qos > 2) return decoded::malformed;
    out.payload = r.rest();
    return decoded::ok;
}

}  // namespace weft::mqtt_kafka
