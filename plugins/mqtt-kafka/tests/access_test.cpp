// Guarded routes of kafka, seen from mqtt-kafka: who is asked for, when, and what becomes of who
// may not.
#include "tests/scripted_clients.hpp"

namespace weft::mqtt_kafka::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class mqtt_kafka_access : public mqtt_kafka_plugin {
protected:
    // orders/# goes to a Kafka topic that is guarded, for the clerk only.
    mqtt_kafka_access() {
        kafka.guarded = {"orders"};
        host.guard("test:g", {});
        clerk = host.session("test:g", {"clerk", {}, {}, {}});
        guest = host.session("test:g", {"guest", {}, {}, {}});
        kafka.admitted = {clerk};
        ordered = &host.run(weft_plugin_1, R"({"namespace": "test", "kind": "proxy", "name": "o",
            "options": {"topics": {"sessions": "s", "messages": "m", "retained": "r"}},
            "routes": [{"when": [{"publish": [{"topic": "orders/#"}]},
                                 {"subscribe": [{"topic": "orders/#"}]}],
                        "with": {"messages": "orders"}, "exit": 3}, {"exit": 3}]})");
    }
    peer& connect_as(uint64_t auth, const std::string& id, const connect_options& o = {},
                     bool present = false) {
        ordered->auth = auth;
        return connect_to(*ordered, id, o, present);
    }

    uint64_t clerk = 0, guest = 0;
    weft::testing::subject* ordered = nullptr;
};

TEST_F(mqtt_kafka_access, publishes_of_who_may_not_are_refused) {
    peer& guests = connect_as(guest, "guest");
    peer& clerks = connect_as(clerk, "clerk");
    peer& nobody = connect_as(0, "nobody");
    EXPECT_EQ(kafka.asked, 0u) << "who is idle is not asked for";
    for (peer* p : {&guests, &nobody}) {
        publish(*p, "orders/1", "no", 1);
        EXPECT_EQ(expect_ack(*p, 4, 1), 0x87);
        publish(*p, "orders/1", "no", 2, 2);
        EXPECT_EQ(expect_ack(*p, 5, 2), 0x87);
        publish(*p, "orders/1", "no", 0, 0);
        publish(*p, "orders/1", "no", 3, 1, WEFT_MQTT_RETAIN);
        EXPECT_EQ(expect_ack(*p, 4, 3), 0x87);
        publish(*p, "other", "yes", 4);
        EXPECT_EQ(expect_ack(*p, 4, 4), 0);
    }
    publish(clerks, "orders/1", "mine", 1);
    EXPECT_EQ(expect_ack(clerks, 4, 1), 0);
    publish(clerks, "orders/1", "again", 2);
    EXPECT_EQ(expect_ack(clerks, 4, 2), 0);
    EXPECT_THAT(kafka.values("orders"), ElementsAre("mine", "again"));
    EXPECT_THAT(kafka.values("r"), IsEmpty());
    EXPECT_EQ(kafka.asked, 3u) << "once for each";
    EXPECT_EQ(kafka.not_shared, 0u);
    host.finish();
}

TEST_F(mqtt_kafka_access, publishes_wait_in_order) {
    peer& clerks = connect_as(clerk, "clerk");
    kafka.answers_access = false;
    publish(clerks, "orders/1", "1", 1);
    publish(clerks, "other", "2", 2);
    publish(clerks, "orders/1", "3", 0, 0);
    publish(clerks, "orders/2", "4", 4, 2);
    publish(clerks, "orders/1", "5", 5, 1, WEFT_MQTT_RETAIN);
    publish(clerks, "orders/1", "6", 6);
    clerks.expect_nothing();
    EXPECT_THAT(kafka.values("orders"), IsEmpty());
    EXPECT_THAT(kafka.values("m"), IsEmpty());
    kafka.answer_access();
    EXPECT_THAT(kafka.values("orders"), ElementsAre("1", "3", "4", "5", "6"));
    EXPECT_THAT(kafka.values("m"), ElementsAre("2"));
    EXPECT_THAT(kafka.values("r"), ElementsAre("5"));
    std::vector<int> acks;
    for (int i = 0; i < 5; ++i) {
        const frame f = clerks.expect(WEFT_FLUSH);
        ASSERT_TRUE(f.as<weft_mqtt_ack>());
        EXPECT_EQ(f.as<weft_mqtt_ack>()->reason, 0);
        acks.push_back(f.as<weft_mqtt_ack>()->packet_id);
    }
    EXPECT_THAT(acks, ::testing::UnorderedElementsAre(1, 2, 4, 5, 6));
    EXPECT_EQ(kafka.asked, 1u);
    host.finish();
}

TEST_F(mqtt_kafka_access, what_waits_goes_on_without_its_client) {
    peer& clerks = connect_as(clerk, "clerk");
    peer& guests = connect_as(guest, "guest");
    kafka.answers_access = false;
    for (peer* p : {&clerks, &guests}) {
        publish(*p, "orders/1", "0", 0, 0);
        publish(*p, "orders/1", "1", 1, 1);
        publish(*p, "orders/1", "2", 2, 2);  // never told to be received
        disconnect(*p, 0);
    }
    kafka.answer_access();
    EXPECT_THAT(kafka.values("orders"), ElementsAre("0", "1"));
    host.finish();
}

TEST_F(mqtt_kafka_access, a_large_publish_waits_as_well) {
    peer& clerks = connect_as(clerk, "clerk");
    kafka.answers_access = false;
    auto m = publish_meta("orders/1", 1, 1);
    m->deferred = 5;
    clerks.send("01234", m.get(), WEFT_INIT);
    clerks.send("56789", nullptr, WEFT_FIN);
    kafka.answer_access();
    EXPECT_EQ(expect_ack(clerks, 4, 1), 0);
    EXPECT_THAT(kafka.values("orders"), ElementsAre("0123456789"));
    host.finish();
}

TEST_F(mqtt_kafka_access, subscriptions) {
    peer& guests = connect_as(guest, "guest");
    peer& clerks = connect_as(clerk, "clerk");
    for (const char* filter :
         {"orders/1", "orders/#", "orders/+", "$share/g/orders/1", "$share/g/#"}) {
        subscribe(guests, filter);
        expect_suback(guests, "\x87");
    }
    subscribe(guests, "#");
    expect_suback(guests, "\x01");
    subscribe(clerks, "orders/#");
    expect_suback(clerks, "\x01");
    publish(clerks, "orders/1", "mine", 1);
    expect_delivery(clerks, "orders/1", "mine");
    EXPECT_EQ(expect_ack(clerks, 4, 1), 0);
    guests.expect_nothing();
    publish(clerks, "other", "for all", 2);
    EXPECT_EQ(expect_ack(clerks, 4, 2), 0);
    expect_delivery(guests, "other", "for all");
    EXPECT_EQ(kafka.asked, 2u);
    host.finish();
}

TEST_F(mqtt_kafka_access, a_subscribe_waits_for_the_answer) {
    peer& guests = connect_as(guest, "guest");
    kafka.answers_access = false;
    subscribe(guests, "orders/1");
    guests.expect_nothing();
    kafka.answer_access();
    expect_suback(guests, "\x87");
    host.finish();
}

TEST_F(mqtt_kafka_access, what_is_retained_is_for_who_may_see_the_message) {
    peer& clerks = connect_as(clerk, "clerk");
    publish(clerks, "orders/1", "secret", 1, 1, WEFT_MQTT_RETAIN);
    EXPECT_EQ(expect_ack(clerks, 4, 1), 0);
    publish(clerks, "other", "public", 2, 1, WEFT_MQTT_RETAIN);
    EXPECT_EQ(expect_ack(clerks, 4, 2), 0);
    peer& guests = connect_as(guest, "guest");
    subscribe(guests, "#");
    expect_suback(guests, "\x01");
    expect_delivery(guests, "other", "public");
    guests.expect_nothing();
    subscribe(clerks, "orders/#");
    expect_suback(clerks, "\x01");
    expect_delivery(clerks, "orders/1", "secret");
    host.finish();
}

TEST_F(mqtt_kafka_access, a_will_is_refused_with_its_connect) {
    auto& wills = host.run(weft_plugin_1, R"({"namespace": "test", "kind": "proxy", "name": "w",
        "options": {"topics": {"sessions": "s", "messages": "orders", "retained": "r"}}})");
    const connect_options with_will{0, WEFT_MQTT_CLEAN_START | WEFT_MQTT_WILL};
    wills.auth = guest;
    peer& guests = open_to(wills, "guest", with_will);
    expect_reset(guests, 0x87, "the will's topic is not for this client");
    kafka.answers_access = false;
    wills.auth = clerk;
    peer& clerks = open_to(wills, "clerk", with_will);
    clerks.expect_nothing();
    kafka.answer_access();
    clerks.expect(WEFT_BEGIN);
    clerks.abort();
    EXPECT_THAT(kafka.values("orders"), ElementsAre("gone"));
    host.finish();
}

TEST_F(mqtt_kafka_access, a_session_that_comes_back_as_somebody_else) {
    peer& first = connect_as(clerk, "dev", {100, WEFT_MQTT_CLEAN_START});
    subscribe(first, "orders/#");
    expect_suback(first, "\x01");
    subscribe(first, "other");
    expect_suback(first, "\x01");
    disconnect(first, 100);
    peer& second = connect_as(guest, "dev", {100, 0}, true);
    kafka.append("orders", {"orders/1", "secret", {}});
    kafka.append("m", {"other", "public", {}});
    expect_delivery(second, "other", "public");
    second.expect_nothing();
    host.finish();
}

TEST_F(mqtt_kafka_access, a_question_that_is_lost_is_asked_again) {
    peer& clerks = connect_as(clerk, "clerk");
    kafka.loses_access = true;
    publish(clerks, "orders/1", "1", 1);
    host.advance(1s);
    clerks.expect_nothing();
    kafka.loses_access = false;
    host.advance(1s);
    EXPECT_EQ(expect_ack(clerks, 4, 1), 0);
    host.finish();
}

TEST_F(mqtt_kafka_access, new_rules_are_those_of_the_stream_that_has_moved) {
    peer& guests = connect_as(guest, "guest");
    publish(guests, "other", "1", 1);
    EXPECT_EQ(expect_ack(guests, 4, 1), 0);
    kafka.guarded = {"m"};
    kafka.move_access();
    publish(guests, "other", "2", 2);
    EXPECT_EQ(expect_ack(guests, 4, 2), 0x87);
    publish(guests, "orders/1", "3", 3);
    EXPECT_EQ(expect_ack(guests, 4, 3), 0);
    host.finish();
}

TEST_F(mqtt_kafka_access, no_questions_where_nothing_is_guarded) {
    kafka.guarded.clear();
    kafka.move_access();
    peer& guests = connect_as(guest, "guest");
    publish(guests, "orders/1", "1", 1);
    EXPECT_EQ(expect_ack(guests, 4, 1), 0);
    subscribe(guests, "#");
    expect_suback(guests, "\x01");
    EXPECT_EQ(kafka.asked, 0u);
    host.finish();
}

TEST_F(mqtt_kafka_access, an_exit_that_knows_no_such_streams_guards_nothing) {
    kafka.knows_access = false;
    auto& plain = host.run(weft_plugin_1, R"({"namespace": "test", "kind": "proxy", "name": "p",
        "options": {"topics": {"sessions": "s", "messages": "orders", "retained": "r"}}})");
    peer& dev = connect_to(plain, "dev");
    publish(dev, "t", "1", 1);
    EXPECT_EQ(expect_ack(dev, 4, 1), 0);
    host.finish();
}

}  // namespace
}  // namespace weft::mqtt_kafka::test
