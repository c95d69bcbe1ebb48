#include "mapping/publish_encoder.hpp"

#include "mapping/header_names.hpp"
#include "mapping/levels.hpp"

#include <array>
#include <string>

namespace weft::mqtt_kafka {

namespace {

// Fills the list of headers from front to back. Space for all of them is reserved first, since the
// tail only grows.
class header_list {
public:
    header_list(meta_writer<weft_kafka_produce>& out, size_t count)
        : out_(out), list_(out.list<weft_pair>(count)) {}

    void add(weft_ref name, weft_ref value) {
        out_.item<weft_pair>(list_, used_++) = {name, value};
    }
    void add(std::string_view name, std::string_view value) {
        const weft_ref n = out_.text(name);
        add(n, out_.text(value));
    }
    // One header per level, the name stored once.
    void add_levels(std::string_view name, std::string_view text) {
        const weft_ref n = out_.text(name);
        for_each_level(text, [&](std::string_view level) { add(n, out_.text(level)); });
    }
    weft_ref list() const { return list_; }

private:
    meta_writer<weft_kafka_produce>& out_;
    weft_ref list_;
    size_t used_ = 0;
};

std::array<char, 4> big_endian(uint32_t v) {
    return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
            static_cast<char>(v)};
}

void append_big_endian(std::string& out, uint64_t v, int bytes) {
    while (bytes-- > 0) out.push_back(static_cast<char>(v >> 8 * bytes));
}

}  // namespace

void encode_publish(meta_writer<weft_kafka_produce>& out,
                    const meta_view<weft_mqtt_publish>& publish, const publish_context& context,
                    record_kind kind) {
    const std::string_view topic = publish.text(publish->topic);
    const auto response = publish.maybe_text(publish->response_topic);
    const auto content_type = publish.maybe_text(publish->content_type);
    const auto correlation = publish.maybe_text(publish->correlation);
    const auto properties = publish.list<weft_pair>(publish->properties);
    const bool has_expiry = publish->flags & WEFT_MQTT_HAS_EXPIRY;
    const bool has_format = publish->format != WEFT_MQTT_FORMAT_NONE && context.payload_size > 0;
    const bool has_retain = (publish->flags & WEFT_MQTT_RETAIN) && kind == record_kind::message;
    const std::string_view filter_part = filter_header_part(topic);

    size_t count = 1 + properties.size() + size_t{!context.client_id.empty()} +
                   size_t{context.qos2.has_value()};  // and zilla:qos
    if (!filter_part.empty()) count += count_levels(filter_part);
    if (response) count += 2 + count_levels(*response);
    count += size_t{has_expiry} + size_t{content_type.has_value()} + size_t{has_format} +
             size_t{correlation.has_value()} + size_t{has_retain};

    out.clear();
    header_list headers(out, count);
    if (!filter_part.empty()) headers.add_levels(header::filter, filter_part);
    if (!context.client_id.empty()) headers.add(header::local, context.client_id);
    if (has_expiry) {
        const auto bytes = big_endian(publish->expiry_s);
        headers.add(header::expiry, {bytes.data(), bytes.size()});
    }
    if (content_type) headers.add(header::content_type, *content_type);
    if (has_format)
        headers.add(header::format, publish->format == WEFT_MQTT_FORMAT_TEXT
                                        ? header::format_text
                                        : header::format_binary);
    if (response) {
        headers.add(header::reply_to, context.messages_topic);
        headers.add(header::reply_key, *response);
        headers.add_levels(header::reply_filter, *response);
    }
    if (correlation) headers.add(header::correlation_id, *correlation);
    for (const weft_pair& p : properties) headers.add(publish.text(p.name), publish.text(p.value));
    if (has_retain) headers.add(header::retain, "1");
    if (context.qos2) {
        std::string stamp;
        append_big_endian(stamp, static_cast<uint64_t>(context.qos2->epoch), 8);
        append_big_endian(stamp, context.qos2->packet_id, 2);
        append_big_endian(stamp, static_cast<uint64_t>(context.qos2->number), 8);
        headers.add(header::qos2, stamp);
    }
    const char qos = static_cast<char>('0' + publish->qos);
    headers.add(header::qos, {&qos, 1});

    out->headers = headers.list();
    out->key = out.text(topic);
    out->hash_key = out.maybe_text(context.identity);
    out->timestamp_ms = context.timestamp_ms;
    out->partition = -1;
    // A retained message is cleared by a tombstone, so that compaction forgets the topic; on the
    // messages topic the clearing message is one like any other, with an empty value.
    if (kind == record_kind::retained_copy && context.payload_size == 0)
        out->flags = WEFT_KAFKA_NULL_VALUE;
}

}  // namespace weft::mqtt_kafka
