#include "mapping/publish_encoder.hpp"
#include "mapping/record_decoder.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace weft::mqtt_kafka {
namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;
using testing::ElementsAre;
using testing::Pair;

template <class T>
pairs pairs_of(const meta_view<T>& view, weft_ref list) {
    pairs out;
    for (const auto& p : view.template list<weft_pair>(list))
        out.emplace_back(view.text(p.name), view.text(p.value));
    return out;
}

template <class T>
weft_ref add_pairs(meta_writer<T>& out, const pairs& items) {
    const weft_ref list = out.template list<weft_pair>(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
        const weft_ref name = out.text(items[i].first);
        const weft_ref value = out.text(items[i].second);
        out.template item<weft_pair>(list, i) = {name, value};
    }
    return list;
}

meta_writer<weft_mqtt_publish> publish(std::string_view topic, uint8_t qos, uint8_t flags = 0) {
    meta_writer<weft_mqtt_publish> m;
    m->topic = m.text(topic);
    m->qos = qos;
    m->flags = flags;
    m->format = WEFT_MQTT_FORMAT_NONE;
    return m;
}

pairs headers_of(meta_writer<weft_mqtt_publish>& m, record_kind kind, uint64_t size = 2) {
    meta_writer<weft_kafka_produce> out;
    const meta_view<weft_mqtt_publish> view(m.get());
    encode_publish(out, view, {"client-1", "mqtt-messages", std::nullopt, 5, size}, kind);
    const meta_view<weft_kafka_produce> made(out.get());
    return pairs_of(made, made->headers);
}

TEST(publish_encoder, writes_every_header_in_order) {
    auto m = publish("sensor/one", 1, WEFT_MQTT_RETAIN | WEFT_MQTT_HAS_EXPIRY);
    m->expiry_s = 0x01020304;
    m->format = WEFT_MQTT_FORMAT_TEXT;
    m->content_type = m.text("text/plain");
    m->response_topic = m.text("answers/");
    m->correlation = m.text(std::string_view("\0\xff", 2));
    m->properties = add_pairs(m, {{"row", "1"}, {"zilla:other", ""}, {"row", "2"}});
    const pairs common{{"zilla:filter", "sensor"},
                       {"zilla:filter", "one"},
                       {"zilla:local", "client-1"},
                       {"zilla:expiry", "\x01\x02\x03\x04"},
                       {"zilla:content-type", "text/plain"},
                       {"zilla:format", "TEXT"},
                       {"zilla:reply-to", "mqtt-messages"},
                       {"zilla:reply-key", "answers/"},
                       {"zilla:reply-filter", "answers"},
                       {"zilla:reply-filter", ""},
                       {"zilla:correlation-id", std::string("\0\xff", 2)},
                       {"row", "1"},
                       {"zilla:other", ""},
                       {"row", "2"}};
    pairs message = common, retained = common;
    message.insert(message.end(), {{"zilla:retain", "1"}, {"zilla:qos", "1"}});
    retained.emplace_back("zilla:qos", "1");
    EXPECT_EQ(headers_of(m, record_kind::message), message);
    EXPECT_EQ(headers_of(m, record_kind::retained_copy), retained);
}

TEST(publish_encoder, writes_little_for_a_plain_message) {
    auto m = publish("a/b/", 0);
    EXPECT_THAT(headers_of(m, record_kind::message),
                ElementsAre(Pair("zilla:filter", "a"), Pair("zilla:filter", "b"),
                            Pair("zilla:local", "client-1"), Pair("zilla:qos", "0")));
    auto root = publish("/", 0);
    EXPECT_THAT(headers_of(root, record_kind::message),
                ElementsAre(Pair("zilla:local", "client-1"), Pair("zilla:qos", "0")));
}

TEST(publish_encoder, an_empty_payload_has_no_format) {
    auto m = publish("a", 0);
    m->format = WEFT_MQTT_FORMAT_BINARY;
    EXPECT_THAT(headers_of(m, record_kind::message, 1),
                testing::Contains(Pair("zilla:format", "BINARY")));
    EXPECT_THAT(headers_of(m, record_kind::message, 0),
                testing::Not(testing::Contains(Pair("zilla:format", testing::_))));
}

TEST(publish_encoder, clearing_is_a_tombstone_on_the_retained_topic_only) {
    auto m = publish("a", 1, WEFT_MQTT_RETAIN);
    const meta_view<weft_mqtt_publish> view(m.get());
    meta_writer<weft_kafka_produce> out;
    encode_publish(out, view, {"c", "m", "who", 5, 0}, record_kind::retained_copy);
    {
        const meta_view<weft_kafka_produce> made(out.get());
        EXPECT_EQ(made->flags, uint32_t{WEFT_KAFKA_NULL_VALUE});
        EXPECT_EQ(made.text(made->key), "a");
        EXPECT_EQ(made.text(made->hash_key), "who");
        EXPECT_EQ(made->timestamp_ms, 5);
    }
    encode_publish(out, view, {"c", "m", std::nullopt, 5, 0}, record_kind::message);
    const meta_view<weft_kafka_produce> made(out.get());
    EXPECT_EQ(made->flags, 0u);
    EXPECT_FALSE(made.has(made->hash_key));
}

struct record {
    meta_writer<weft_kafka_record> out;

    explicit record(std::optional<std::string_view> key, const pairs& headers = {}) {
        out->key = out.maybe_text(key);
        out->headers = add_pairs(out, headers);
        out->timestamp_ms = 1000;
    }
    decoded_record decode() {
        decoded_record r;
        view_.emplace(out.get());
        decode_record(*view_, r);
        return r;
    }
    std::string topic() {
        return std::string(topic_of_key(meta_view<weft_kafka_record>(out.get())));
    }

private:
    std::optional<meta_view<weft_kafka_record>> view_;
};

TEST(record_decoder, a_foreign_record_needs_no_header_of_ours) {
    record r("device/1", {{"source", "kcat"}});
    const auto d = r.decode();
    EXPECT_EQ(d.topic, "device/1");
    EXPECT_EQ(d.qos, 1);
    EXPECT_FALSE(d.retain);
    EXPECT_FALSE(d.publisher || d.expiry_s || d.response_topic);
    EXPECT_THAT(d.properties, ElementsAre(Pair("source", "kcat")));
}

TEST(record_decoder, keys_that_are_no_topic_names_are_not_delivered) {
    EXPECT_EQ(record("device/1").topic(), "device/1");
    EXPECT_EQ(record(std::nullopt).topic(), "");
    EXPECT_EQ(record("").topic(), "");
    EXPECT_EQ(record("a/#").topic(), "");
    EXPECT_EQ(record("\xff").topic(), "");
}

TEST(record_decoder, reads_back_what_the_encoder_writes) {
    auto m = publish("sensor/one", 0, WEFT_MQTT_RETAIN | WEFT_MQTT_HAS_EXPIRY);
    m->expiry_s = 90;
    m->format = WEFT_MQTT_FORMAT_TEXT;
    m->content_type = m.text("text/plain");
    m->response_topic = m.text("answers/1");
    m->correlation = m.text("id");
    m->properties = add_pairs(m, {{"row", "1"}, {"row", "1"}});
    record r("sensor/one", headers_of(m, record_kind::message));
    const auto d = r.decode();
    EXPECT_EQ(d.qos, 0);
    EXPECT_TRUE(d.retain);
    EXPECT_EQ(d.publisher, "client-1");
    EXPECT_EQ(d.expiry_s, 90u);
    EXPECT_EQ(d.format, WEFT_MQTT_FORMAT_TEXT);
    EXPECT_EQ(d.content_type, "text/plain");
    EXPECT_EQ(d.response_topic, "answers/1");  // not the Kafka topic in zilla:reply-to
    EXPECT_EQ(d.correlation, "id");
    EXPECT_THAT(d.properties, ElementsAre(Pair("row", "1"), Pair("row", "1")));
}

TEST(record_decoder, reply_to_serves_when_there_is_no_reply_key) {
    EXPECT_EQ(record("a", {{"zilla:reply-to", "answers"}}).decode().response_topic, "answers");
    EXPECT_EQ(
        record("a", {{"zilla:reply-to", "k"}, {"zilla:reply-key", "m/x"}}).decode().response_topic,
        "m/x");
    EXPECT_EQ(record("a", {{"zilla:reply-to", "no/#"}}).decode().response_topic, std::nullopt);
}

TEST(record_decoder, user_properties_cannot_pose_as_headers_written_before_or_after_them) {
    record r(
        "a",
        {{"zilla:local", "me"}, {"zilla:local", "other"}, {"zilla:qos", "2"}, {"zilla:qos", "0"}});
    const auto d = r.decode();
    EXPECT_EQ(d.publisher, "me");
    EXPECT_EQ(d.qos, 0);
}

TEST(record_decoder, leaves_out_what_no_mqtt_string_may_hold) {
    record r("a", {{"bin", "\xff\xfe"},
                   {"\xff", "x"},
                   {"ok", "y"},
                   {"zilla:content-type", "\xff"},
                   {"zilla:expiry", "90"}});
    const auto d = r.decode();
    EXPECT_THAT(d.properties, ElementsAre(Pair("ok", "y")));
    EXPECT_FALSE(d.content_type);
    EXPECT_FALSE(d.expiry_s);
}

TEST(expiry, is_in_seconds_and_counts_down) {
    EXPECT_EQ(remaining_expiry(90, 1000, 1000), 90u);
    EXPECT_EQ(remaining_expiry(90, 1000, 1999), 90u);
    EXPECT_EQ(remaining_expiry(90, 1000, 2000), 89u);
    EXPECT_EQ(remaining_expiry(90, 1000, 90'999), 1u);
    EXPECT_EQ(remaining_expiry(90, 1000, 91'000), std::nullopt);
    EXPECT_EQ(remaining_expiry(90, 5000, 1000), 90u);  // another machine's clock is ahead
    EXPECT_EQ(remaining_expiry(0xffffffffu, 0, 1000), 0xfffffffeu);
}

TEST(write_delivery, leaves_subscriber_fields_open) {
    record r("a/b", {{"k", "v"}});
    const auto d = r.decode();
    meta_writer<weft_mqtt_publish> out;
    const weft_ref ids = write_delivery(out, d, 7, 2);
    EXPECT_EQ(ids.len, 2u);
    out.item<uint32_t>(ids, 0) = 11;
    out->subscription_ids = {ids.off, 1};
    const meta_view<weft_mqtt_publish> view(out.get());
    EXPECT_EQ(view.text(view->topic), "a/b");
    EXPECT_EQ(view->expiry_s, 7u);
    EXPECT_TRUE(view->flags & WEFT_MQTT_HAS_EXPIRY);
    EXPECT_FALSE(view.has(view->response_topic));
    EXPECT_THAT(pairs_of(view, view->properties), ElementsAre(Pair("k", "v")));
    EXPECT_THAT(view.list<uint32_t>(view->subscription_ids), ElementsAre(11u));
}

}  // namespace
}  // namespace weft::mqtt_kafka
