#include "mapping/record_decoder.hpp"

#include "mapping/header_names.hpp"
#include "mapping/levels.hpp"
#include "mapping/utf8.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {

constexpr uint8_t foreign_qos =
    1;  // a record that does not say is worth keeping, capped by the subscription

void set_first(std::optional<std::string_view>& field, std::string_view value) {
    if (!field) field = value;
}

std::optional<uint32_t> read_big_endian(std::string_view v) {
    if (v.size() != 4) return std::nullopt;
    const auto byte = [&](size_t i) { return uint32_t{static_cast<uint8_t>(v[i])}; };
    return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

std::optional<decoded_record::publish_number> read_publish_number(std::string_view v) {
    if (v.size() != 18) return std::nullopt;
    const auto number = [&](size_t from, size_t bytes) {
        uint64_t n = 0;
        for (size_t i = from; i < from + bytes; ++i) n = n << 8 | static_cast<uint8_t>(v[i]);
        return n;
    };
    return decoded_record::publish_number{static_cast<int64_t>(number(0, 8)),
                                          static_cast<uint16_t>(number(8, 2)),
                                          static_cast<int64_t>(number(10, 8))};
}

// Reply headers are gathered first: zilla:reply-key, when present, is the Response Topic, whatever
// the order.
struct reply {
    std::optional<std::string_view> to, key;
};

// True when the name is one of ours. Names come before user properties, so their first occurrence
// counts: a user property that looks like one does not change it. The two that come after them
// count by their last.
bool decode_own(std::string_view name, std::string_view value, decoded_record& out, reply& answer) {
    using namespace header;
    if (!name.starts_with(prefix)) return false;
    if (name == filter || name == reply_filter) return true;
    if (name == header::qos2) return out.qos2 = read_publish_number(value), true;
    if (name == local) return set_first(out.publisher, value), true;
    if (name == reply_to) return set_first(answer.to, value), true;
    if (name == reply_key) return set_first(answer.key, value), true;
    if (name == correlation_id) return set_first(out.correlation, value), true;
    if (name == content_type) {
        if (valid_mqtt_string(value)) set_first(out.content_type, value);
        return true;
    }
    if (name == expiry) {
        if (!out.expiry_s) out.expiry_s = read_big_endian(value);
        return true;
    }
    if (name == format) {
        if (value == format_text) out.format = WEFT_MQTT_FORMAT_TEXT;
        if (value == format_binary) out.format = WEFT_MQTT_FORMAT_BINARY;
        return true;
    }
    if (name == header::retain) return out.retain = value == "1", true;
    if (name == header::qos) {
        if (value == "0" || value == "1" || value == "2")
            out.qos = static_cast<uint8_t>(value[0] - '0');
        return true;
    }
    return false;
}

bool usable_topic(std::string_view name) {
    return valid_topic_name(name) && valid_utf8(name);
}

}  // namespace

std::string_view topic_of_key(const meta_view<weft_kafka_record>& record) {
    const auto key = record.text(record->key);
    return usable_topic(key) ? key : std::string_view{};
}

void decode_record(const meta_view<weft_kafka_record>& record, decoded_record& out) {
    auto properties = std::move(out.properties);
    properties.clear();
    out = {};
    out.properties = std::move(properties);
    out.topic = record.text(record->key);
    out.qos = foreign_qos;
    out.timestamp_ms = record->timestamp_ms;

    reply answer;
    for (const weft_pair& h : record.list<weft_pair>(record->headers)) {
        if (!record.has(h.value)) continue;
        const auto name = record.text(h.name), value = record.text(h.value);
        if (decode_own(name, value, out, answer)) continue;
        if (valid_mqtt_string(name) && valid_mqtt_string(value))
            out.properties.emplace_back(name, value);
    }
    if (answer.key && usable_topic(*answer.key))
        out.response_topic = answer.key;
    else if (answer.to && usable_topic(*answer.to))
        out.response_topic = answer.to;
    if (out.correlation && out.correlation->size() > 65535) out.correlation.reset();
}

std::optional<uint32_t> remaining_expiry(uint32_t expiry_s, int64_t timestamp_ms, int64_t now_ms) {
    const int64_t waited_ms = std::max<int64_t>(now_ms - timestamp_ms, 0);
    if (waited_ms >= int64_t{expiry_s} * 1000) return std::nullopt;
    return expiry_s - static_cast<uint32_t>(waited_ms / 1000);
}

weft_ref write_delivery(meta_writer<weft_mqtt_publish>& out, const decoded_record& record,
                        std::optional<uint32_t> remaining_s, size_t ids) {
    out.clear();
    out->format = record.format;
    if (remaining_s) {
        out->flags |= WEFT_MQTT_HAS_EXPIRY;
        out->expiry_s = *remaining_s;
    }
    out->topic = out.text(record.topic);
    out->content_type = out.maybe_text(record.content_type);
    out->response_topic = out.maybe_text(record.response_topic);
    out->correlation = out.maybe_text(record.correlation);
    if (!record.properties.empty()) out->properties = out.list_of_pairs(record.properties);
    return ids ? out.list<uint32_t>(ids) : weft_ref{};
}

}  // namespace weft::mqtt_kafka
