// The plugin as the host runs it: loaded through its entry, between scripted mqtt servers and a
// scripted Kafka, in one thread and in virtual time.
#include "session/state/records.hpp"
#include "tests/scripted_clients.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Of a worker that holds little until Kafka answers.
class mqtt_kafka_plugin_pressed : public mqtt_kafka_plugin {
protected:
    weft::testing::subject& pressed = host.run(weft_plugin_1, R"({"name": "pressed",
        "options": {"topics": {"sessions": "s", "messages": "m", "retained": "r"}},
        "properties": {"weft.binding.mqtt.kafka.unacknowledged.bytes.max": "65536"}})");
};

// Credit that was given stays given, whatever the worker's memory is like meanwhile.
TEST_F(mqtt_kafka_plugin_pressed, windows_grow_with_use_and_are_never_taken_back) {
    peer& first = connect_to(pressed, "first");
    for (const size_t size : {5'000u, 9'000u, 17'000u}) {
        publish(first, "t", std::string(size, 'x'), 1);
        EXPECT_EQ(expect_ack(first, 4, 1), 0);
    }
    const uint64_t granted = first.granted();
    EXPECT_EQ(first.credit(), 65'536u);
    kafka.answers = false;
    publish(first, "t", "x", 2);
    for (const char* id : {"a", "b", "c", "d", "e"})
        publish(connect_to(pressed, id), "t", std::string(7'500, 'x'), 1);
    kafka.answer();
    EXPECT_EQ(expect_ack(first, 4, 2), 0);
    EXPECT_GE(first.granted(), granted);
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_session_is_accepted_once_its_claim_was_read_back) {
    EXPECT_TRUE(proxy.ready());
    kafka.echoes = false;
    peer& dev = open("dev");
    ASSERT_EQ(kafka.topics["mqtt-sessions"].size(), 1u);
    const auto claim = kafka.topics["mqtt-sessions"][0];
    EXPECT_EQ(claim.key, "dev#owner");
    EXPECT_EQ(claim.header("type"), "owner");
    owner_claim c;
    ASSERT_EQ(decode(claim.value.value_or(""), c), decoded::ok);
    EXPECT_THAT(c.instance, ::testing::StartsWith("weft-"));
    dev.expect_nothing();
    kafka.echo();
    const frame f = dev.expect(WEFT_BEGIN);
    const auto m = f.as<weft_mqtt_begin>();
    ASSERT_TRUE(m);
    EXPECT_EQ(m->flags & WEFT_MQTT_SESSION_PRESENT, 0);
    EXPECT_TRUE(m->capabilities & WEFT_MQTT_CAP_WILL);
    EXPECT_EQ(proxy.metric("mqtt.kafka.sessions"), 1u);
    disconnect(dev, 0);
    EXPECT_EQ(proxy.metric("mqtt.kafka.sessions"), 0u);
    EXPECT_FALSE(kafka.newest("mqtt-sessions", "dev#owner")) << "a clean session leaves nothing";
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_publish_is_acknowledged_when_kafka_has_it) {
    peer& dev = connect("dev");
    kafka.answers = false;
    publish(dev, "plant/1", "21.5", 7);
    ASSERT_EQ(kafka.topics["mqtt-messages"].size(), 1u);
    EXPECT_EQ(kafka.topics["mqtt-messages"][0].key, "plant/1");
    EXPECT_EQ(kafka.topics["mqtt-messages"][0].value, "21.5");
    dev.expect_nothing();
    kafka.answer();
    EXPECT_EQ(expect_ack(dev, 4, 7), 0);
    kafka.error = 10;  // MESSAGE_TOO_LARGE
    publish(dev, "plant/1", "too much", 8);
    EXPECT_EQ(expect_ack(dev, 4, 8), 0x97);
    host.finish();
}

TEST_F(mqtt_kafka_plugin, qos_2_takes_four_steps) {
    peer& dev = connect("dev");
    publish(dev, "plant/1", "once", 7, 2);
    EXPECT_EQ(expect_ack(dev, 5, 7), 0);
    ack(dev, 6, 7);
    EXPECT_EQ(expect_ack(dev, 7, 7), 0);
    EXPECT_THAT(kafka.values("mqtt-messages"), ElementsAre("once"));
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_payload_may_come_in_any_pieces) {
    const std::string payload = "0123456789";
    peer& dev = connect("dev");
    for (size_t cut = 1; cut < payload.size(); ++cut) {
        auto m = publish_meta("t", static_cast<uint16_t>(cut), 1);
        m->deferred = static_cast<uint32_t>(payload.size() - cut);
        dev.send(std::string_view(payload).substr(0, cut), m.get(), WEFT_INIT);
        dev.send(std::string_view(payload).substr(cut), nullptr, WEFT_FIN);
        EXPECT_EQ(expect_ack(dev, 4, static_cast<uint16_t>(cut)), 0);
        EXPECT_EQ(kafka.values("mqtt-messages").back(), payload);
    }
    EXPECT_EQ(kafka.topics["mqtt-messages"].size(), payload.size() - 1);
    host.finish();
}

TEST_F(mqtt_kafka_plugin, what_is_subscribed_to_is_delivered) {
    peer& dev = connect("dev");
    peer& other = connect("other");
    subscribe(dev, "plant/+");
    expect_suback(dev, "\x01");
    publish(other, "plant/1", "21.5", 7);
    const uint16_t id = expect_delivery(dev, "plant/1", "21.5");
    EXPECT_NE(id, 0);
    ack(dev, 4, id);
    EXPECT_EQ(expect_ack(other, 4, 7), 0);
    publish(other, "elsewhere", "x", 8);
    dev.expect_nothing();
    kafka.append("mqtt-messages", {"plant/2", "of another program", {}});
    expect_delivery(dev, "plant/2", "of another program");
    meta_writer<weft_mqtt_unsubscribe> m;
    m->packet_id = 78;
    m->patterns = m.list<weft_ref>(1);
    const weft_ref pattern = m.text("plant/+");
    m.item<weft_ref>(m->patterns, 0) = pattern;
    dev.flush(m.get());
    const frame f = dev.expect(WEFT_FLUSH);
    ASSERT_TRUE(f.as<weft_mqtt_suback>());
    EXPECT_EQ(f.as<weft_mqtt_suback>()->type, 11);
    kafka.append("mqtt-messages", {"plant/1", "too late", {}});
    dev.expect_nothing();
    host.finish();
}

// Credit of one byte at a time is none for what is longer: it waits, and nothing is lost.
TEST_F(mqtt_kafka_plugin, deliveries_wait_for_credit) {
    peer& dev = connect("dev", {.window = 0});
    subscribe(dev, "#");
    expect_suback(dev, "\x01");
    kafka.append("mqtt-messages", {"t", "first", {}});
    kafka.append("mqtt-messages", {"t", "second", {}});
    dev.expect_nothing();
    dev.window(5);
    expect_delivery(dev, "t", "first");
    dev.expect_nothing();
    dev.window(6);
    expect_delivery(dev, "t", "second");
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_retained_message_meets_who_comes_later) {
    peer& dev = connect("dev");
    publish(dev, "lamp", "on", 1, 1, WEFT_MQTT_RETAIN);
    EXPECT_EQ(expect_ack(dev, 4, 1), 0);
    EXPECT_EQ(kafka.newest("mqtt-retained", "lamp"), "on");
    peer& later = connect("later");
    subscribe(later, "lamp");
    expect_suback(later, "\x01");
    const frame f = later.expect(WEFT_DATA);
    EXPECT_EQ(f.payload, "on");
    EXPECT_TRUE(f.as<weft_mqtt_publish>()->flags & WEFT_MQTT_RETAIN);
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_client_id_has_one_session) {
    peer& first = connect("dev");
    peer& second = connect("dev");
    expect_reset(first, 0x8e);
    EXPECT_FALSE(second.ended());
    const auto before = kafka.topics["mqtt-sessions"].size();
    kafka.append("mqtt-sessions", {"dev#owner", encode(owner_claim{"another", 1, 2}), {}});
    expect_reset(second, 0x8e);
    EXPECT_EQ(kafka.topics["mqtt-sessions"].size(), before + 1)
        << "who has lost the session writes nothing more";
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_session_goes_on_with_what_came_meanwhile) {
    peer& dev = connect("dev", {.expiry_s = 3600});
    subscribe(dev, "t");
    expect_suback(dev, "\x01");
    disconnect(dev, 3600);
    kafka.append("mqtt-messages", {"t", "meanwhile", {{"zilla:qos", "1"}}});
    host.advance(3599s);
    peer& again = connect("dev", {.expiry_s = 3600, .flags = 0}, true);
    expect_delivery(again, "t", "meanwhile");
    disconnect(again, 3600);
    host.advance(3600s + 1s);
    EXPECT_FALSE(kafka.newest("mqtt-sessions", "dev")) << "its time is over";
    connect("dev", {.expiry_s = 3600, .flags = 0}, false);
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_will_waits_for_its_delay) {
    peer& dev = connect("dev", {3600, WEFT_MQTT_CLEAN_START | WEFT_MQTT_WILL, 30});
    dev.abort();
    host.advance(29s);
    EXPECT_THAT(kafka.values("mqtt-messages"), IsEmpty());
    host.advance(2s);
    ASSERT_THAT(kafka.values("mqtt-messages"), ElementsAre("gone"));
    EXPECT_EQ(kafka.topics["mqtt-messages"][0].key, "wills/dev");
    host.finish();
}

TEST_F(mqtt_kafka_plugin, a_client_that_comes_back_in_time_takes_its_will_along) {
    peer& dev = connect("dev", {3600, WEFT_MQTT_CLEAN_START | WEFT_MQTT_WILL, 30});
    dev.abort();
    host.advance(20s);
    connect("dev", {.expiry_s = 3600, .flags = 0}, true);
    host.advance(3600s);
    EXPECT_THAT(kafka.values("mqtt-messages"), IsEmpty());
    host.finish();
}

TEST_F(mqtt_kafka_plugin, the_end_leaves_nothing_open) {
    peer& dev = connect("dev");
    EXPECT_GT(kafka.open_streams(), 0u);
    proxy.drain(WEFT_DRAIN_REPLACE, host.now_ns() + 5'000'000'000);
    publish(dev, "t", "still served", 7);
    EXPECT_EQ(expect_ack(dev, 4, 7), 0);
    host.advance(5s);
    expect_reset(dev, 0x8b);
    EXPECT_EQ(proxy.streams(), 0u) << "nothing holds up the detach";
    EXPECT_EQ(kafka.open_streams(), 0u);
    host.finish();
}

TEST(mqtt_kafka_plugin_away, a_client_waits_for_kafka_and_not_for_ever) {
    weft::testing::host host;
    scripted_kafka kafka(host);
    kafka.reachable = false;
    auto& proxy = host.run(weft_plugin_1, plugin_config);
    EXPECT_FALSE(proxy.ready());
    EXPECT_EQ(proxy.waits_for(), "Kafka is not reachable: no broker answers");
    meta_writer<weft_mqtt_begin> m;
    m->version = WEFT_MQTT_V5;
    m->receive_max = 1;
    m->client_id = m.text("early");
    peer& early = proxy.open(m.get());
    host.advance(9'999ms);
    early.expect_nothing();
    host.advance(1ms);
    const frame f = early.expect(WEFT_RESET);
    ASSERT_TRUE(f.as<weft_mqtt_reset>());
    EXPECT_EQ(f.as<weft_mqtt_reset>()->reason, 0x88);
    EXPECT_TRUE(host.emitted("binding.mqtt.kafka.session.refused"));
    peer& patient = proxy.open(m.get());
    host.advance(9s);
    kafka.come_back();
    EXPECT_TRUE(proxy.ready());
    patient.expect(WEFT_BEGIN);
    host.finish();
}

TEST(mqtt_kafka_plugin_away, a_record_longer_than_kafkas_window_goes_in_pieces) {
    weft::testing::host host;
    scripted_kafka kafka(host);
    kafka.produce_window = 100;
    auto& proxy = host.run(weft_plugin_1, plugin_config);
    meta_writer<weft_mqtt_begin> m;
    m->version = WEFT_MQTT_V5;
    m->flags = WEFT_MQTT_CLEAN_START;
    m->receive_max = 1;
    m->client_id = m.text("dev");
    peer& dev = proxy.open(m.get());
    dev.expect(WEFT_BEGIN);
    std::string payload;
    for (int i = 0; i < 1000; ++i) payload += std::to_string(i);
    meta_writer<weft_mqtt_publish> p;
    p->qos = 1;
    p->packet_id = 1;
    p->topic = p.text("t");
    dev.send(payload, p.get());
    EXPECT_TRUE(kafka.newest("mqtt-messages", "t") == payload);
    dev.expect(WEFT_FLUSH);
    host.finish();
}

TEST(mqtt_kafka_plugin_workers, a_client_id_has_one_session_on_all_of_them) {
    weft::testing::host host({.workers = 2});
    scripted_kafka kafka(host);
    auto& proxy = host.run(weft_plugin_1, plugin_config);
    meta_writer<weft_mqtt_begin> m;
    m->version = WEFT_MQTT_V5;
    m->flags = WEFT_MQTT_CLEAN_START;
    m->receive_max = 1;
    m->client_id = m.text("dev");
    peer& first = proxy.open(m.get(), 0, 0);
    first.expect(WEFT_BEGIN);
    peer& second = proxy.open(m.get(), 0, 1);
    const frame f = first.expect(WEFT_RESET);
    ASSERT_TRUE(f.as<weft_mqtt_reset>());
    EXPECT_EQ(f.as<weft_mqtt_reset>()->reason, 0x8e);
    if (first.may_send()) first.abort();
    second.expect(WEFT_BEGIN);
    EXPECT_EQ(proxy.metric("mqtt.kafka.sessions", 0), 0u);
    EXPECT_EQ(proxy.metric("mqtt.kafka.sessions", 1), 1u);
    host.finish();
}

// Whichever allocation fails, it costs that session at most.
TEST_F(mqtt_kafka_plugin, memory_that_runs_out_costs_one_session) {
    host.error_logs_fail(false);  // what ends a session for it is logged as an error
    peer& other = connect("other");
    for (int64_t n = 0; n < 6; ++n) {
        SCOPED_TRACE("after " + std::to_string(n) + " allocations");
        host.allocations_left(n);
        peer& dev = open("dev" + std::to_string(n));
        if (dev.saw(WEFT_BEGIN) && dev.may_send())
            publish(dev, "t", std::string(100, 'x'), 1, 1, WEFT_MQTT_RETAIN);
        host.allocations_left(-1);
        publish(other, "t", "still served", 9);
        EXPECT_EQ(expect_ack(other, 4, 9), 0);
        peer& again = open("dev" + std::to_string(n));
        EXPECT_TRUE(again.saw(WEFT_BEGIN)) << "what failed stands in nobody's way";
    }
    host.finish();
}

TEST(mqtt_kafka_plugin_config, a_name_that_kafka_does_not_allow_is_refused_with_its_place) {
    weft::testing::host host;
    try {
        host.run(weft_plugin_1, R"({"options": {"topics": {
            "sessions": "a b", "messages": "m", "retained": "r"}}})");
        FAIL() << "accepted";
    } catch (const weft::testing::refused& e) {
        EXPECT_EQ(e.path(), "/options/topics/sessions");
        EXPECT_THAT(e.text(), ::testing::HasSubstr("'a b'"));
    }
    host.finish();
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
