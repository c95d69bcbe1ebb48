// Wills: how they go up, what is refused, and which ends publish them.
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

constexpr const char* with_will =
    "10 { 0004 'MQTT' 05 0e 003c 00 0001 'c' { 18 0000001e 02 0000000a 01 01 03 0002 'ct' 08 0003 "
    "'r/1' 09 0002 0102 26 0001 'k' 0001 'v' 26 0001 'k' 0001 'w' } 0003 't/1' 0004 'gone' }";
constexpr const char* plain_will = "10 { 0004 'MQTT' 04 06 003c 0001 'c' 0001 't' 0001 'x' }";

class will_test : public server_test {
public:
    will_test() {
        granted.qos_max = 2;
        granted.capabilities |= WEFT_MQTT_CAP_WILL;
    }
    // The session stream of the CONNECT that was just sent.
    void find_session(client& c) { c.session = host.opened.back(); }
    std::string end_of(client& c) {
        if (c.session_sent(WEFT_ABORT)) return "abort";
        const sent_frame f = c.take_session(WEFT_END);
        const meta_view<weft_mqtt_reset> m(f.block());
        return m ? "end " + std::to_string(m->reason) : "end";
    }
};

// [MQTT-3.1.3-10]
TEST_F(will_test, goes_up_with_all_its_properties_before_connack) {
    client c = accept();
    c.send_hex(with_will);
    const meta_view<weft_mqtt_begin> b(
        reinterpret_cast<const weft_meta*>(host.opened.back()->begin_meta.data()));
    EXPECT_EQ(b->flags, WEFT_MQTT_CLEAN_START | WEFT_MQTT_WILL | WEFT_MQTT_PROBLEM_INFO);
    begin_session(c, 0);
    EXPECT_EQ(c.take(), "") << "the exit does not have the will yet";
    host.grant(c.session, 1'000);
    EXPECT_EQ(to_hex(c.take().substr(0, 1)), "20");
    const sent_frame f = c.take_session(WEFT_DATA);
    EXPECT_EQ(f.flags, WEFT_INIT | WEFT_FIN);
    EXPECT_EQ(f.payload, "gone");
    const meta_view<weft_mqtt_will> m(f.block());
    ASSERT_TRUE(m);
    EXPECT_EQ(m->qos, 1);
    EXPECT_EQ(m->flags, WEFT_MQTT_HAS_EXPIRY);
    EXPECT_EQ(m->format, WEFT_MQTT_FORMAT_TEXT);
    EXPECT_EQ(m->delay_s, 30u);
    EXPECT_EQ(m->expiry_s, 10u);
    EXPECT_EQ(m->deferred, 0u);
    EXPECT_EQ(m.text(m->topic), "t/1");
    EXPECT_EQ(m.text(m->content_type), "ct");
    EXPECT_EQ(m.text(m->response_topic), "r/1");
    EXPECT_EQ(m.text(m->correlation), hex("0102"));
    const auto users = m.list<weft_pair>(m->properties);
    ASSERT_EQ(users.size(), 2u);
    EXPECT_EQ(m.text(users[1].value), "w");
}

TEST_F(will_test, goes_up_before_the_reply_where_credit_comes_first) {
    client c = accept();
    c.send_hex(plain_will);
    find_session(c);
    host.grant(c.session, 1'000);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    EXPECT_EQ(c.take(), "");
    begin_session(c, 0);
    EXPECT_EQ(c.take_hex(), "20 02 00 00");
}

TEST_F(will_test, a_large_one_goes_in_pieces) {
    client c = accept();
    const std::string payload(60'000, 'w');
    c.send(std::string(1, 0x10) +
           with_length(hex("0004 'MQTT' 04 06 003c 0001 'c' 0001 't' ea60") + payload));
    begin_session(c, 0);
    std::string got;
    while (got.size() < payload.size()) {
        EXPECT_EQ(c.take(), "");
        host.grant(c.session, 25'000, 0);
        const sent_frame f = c.take_session(WEFT_DATA);
        if (got.empty()) {
            EXPECT_EQ(meta_view<weft_mqtt_will>(f.block())->deferred,
                      payload.size() - f.payload.size());
        }
        got += f.payload;
    }
    EXPECT_TRUE(got == payload);
    EXPECT_EQ(c.take_hex(), "20 02 00 00");
}

TEST_F(will_test, publishes_come_behind_it) {
    client c = accept();
    c.send_hex(std::string(plain_will) + " 30 { 0001 'a' 'first' }");
    begin_session(c);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "first");
}

struct refused {
    const char* connect;
    uint8_t qos_max, capabilities;
    const char* answer;
};

// [MQTT-3.2.2-12] [MQTT-3.2.2-13]
TEST_F(will_test, what_the_exit_cannot_do_is_refused_and_cancelled) {
    constexpr uint8_t all = WEFT_MQTT_CAP_WILL | WEFT_MQTT_CAP_RETAIN;
    for (const refused& r : {
             refused{"10 { 0004 'MQTT' 05 26 003c 00 0001 'c' 00 0001 't' 0000 }", 2,
                     WEFT_MQTT_CAP_WILL, "9a"},
             refused{"10 { 0004 'MQTT' 05 16 003c 00 0001 'c' 00 0001 't' 0000 }", 1, all, "9b"},
             refused{"10 { 0004 'MQTT' 05 06 003c 00 0001 'c' 00 0001 't' 0000 }", 2,
                     WEFT_MQTT_CAP_RETAIN, "83"},
             refused{"10 { 0004 'MQTT' 04 16 003c 0001 'c' 0001 't' 0000 }", 1, all, "03"},
         }) {
        granted.qos_max = r.qos_max;
        granted.capabilities = r.capabilities;
        client c = accept();
        c.send_hex(r.connect);
        find_session(c);
        host.grant(c.session, 1'000);  // so that the will is there already
        begin_session(c, 0);
        EXPECT_EQ(to_hex(c.take().substr(3, 1)), r.answer);
        EXPECT_TRUE(c.ended());
        EXPECT_EQ(end_of(c), "end 0") << "nobody was connected: nothing to publish";
    }
}

TEST_F(will_test, its_topic_is_routed_like_that_of_a_publish) {
    route_config r = plain_route(exit_id), other = plain_route(9);
    r.when = nlohmann::json::parse(
        R"([{"session": [{"client-id": "*"}], "publish": [{"topic": "ok/#"}]}])");
    other.when = nlohmann::json::parse(R"([{"publish": [{"topic": "far/#"}]}])");
    config.routes = router({r, other});
    for (auto [topic, code] : {std::pair{"0001 'x'", "87"}, {"0005 'far/1'", "83"}}) {
        client c = accept();
        c.send_hex("10 { 0004 'MQTT' 05 06 003c 00 0001 'c' 00 " + std::string(topic) + " 0000 }");
        EXPECT_EQ(to_hex(c.take().substr(3, 1)), code);
        EXPECT_TRUE(host.opened.empty());
    }
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 06 003c 00 0001 'c' 00 0004 'ok/1' 0000 }");
    begin_session(c);
    EXPECT_EQ(to_hex(c.take().substr(3, 1)), "00");
}

// 3.1.2.5, 3.14.4
TEST_F(will_test, only_a_normal_disconnect_cancels_it) {
    const auto ends = [&](const char* last_packet) {
        client c = connect("10 { 0004 'MQTT' 05 06 003c 00 0001 'c' 00 0001 't' 0000 }");
        c.send_hex(last_packet);
        return end_of(c);
    };
    EXPECT_EQ(ends("e0 00"), "end 0");
    EXPECT_EQ(ends("e0 01 00"), "end 0");
    EXPECT_EQ(ends("e0 01 04"), "end 4");
    EXPECT_EQ(ends("e0 01 97"), "end 4") << "any other reason publishes";
    EXPECT_EQ(ends("ff 00"), "abort") << "malformed packet";
    EXPECT_EQ(ends("e0 { 00 { 11 0000000a } }"), "abort") << "protocol error";
    client v4 = connect(plain_will);
    v4.send_hex("e0 00");
    EXPECT_EQ(end_of(v4), "end 0");
}

// 3.1.2.5
TEST_F(will_test, every_other_end_publishes_it) {
    for (uint16_t kind : {WEFT_END, WEFT_ABORT, WEFT_RESET}) {
        client c = connect(plain_will);
        host.deliver_bare(c.net, kind);
        EXPECT_EQ(end_of(c), "abort");
    }
    client silent = connect("10 { 0004 'MQTT' 04 06 000a 0001 'c' 0001 't' 0001 'x' }");
    host.advance_ms(16'000);
    EXPECT_EQ(end_of(silent), "abort");
    client cut = connect(plain_will);
    cut.send_hex("30 7f 0001 'a'");
    host.deliver_bare(cut.net, WEFT_END);
    EXPECT_EQ(end_of(cut), "abort");
    client stopped = connect(plain_will);
    the_server().drain(WEFT_DRAIN_STOP, UINT64_MAX);
    EXPECT_EQ(end_of(stopped), "abort");
}

}  // namespace
}  // namespace weft::mqtt
