// CONNECT, CONNACK and the refusals.
#include "decoder.hpp"
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

using connect_test = server_test;

// [MQTT-3.2.0-1] [MQTT-3.1.4-5] [MQTT-3.2.2-9]
TEST_F(connect_test, opens_a_session_with_what_the_client_asked_for) {
    client c = accept();
    c.send_hex(
        "10 { 0004 'MQTT' 05 00 003c { 11 00000e10 17 00 21 0010 27 00001000 } 0003 'dev' }");
    ASSERT_EQ(host.opened.size(), 1u);
    EXPECT_EQ(host.opened[0]->exit, exit_id);
    const meta_view<weft_mqtt_begin> m(
        reinterpret_cast<const weft_meta*>(host.opened[0]->begin_meta.data()));
    ASSERT_TRUE(m);
    EXPECT_EQ(m->version, 5);
    EXPECT_EQ(m->flags, 0) << "no clean start, no reason strings";
    EXPECT_EQ(m->session_expiry_s, 3600u);
    EXPECT_EQ(m->receive_max, 16);
    EXPECT_EQ(m->packet_size_max, 4096u);
    EXPECT_EQ(m->keep_alive_s, 60);
    EXPECT_EQ(m.text(m->client_id), "dev");
    EXPECT_EQ(c.take(), "") << "CONNACK waits for the session";

    begin_session(c);
    EXPECT_EQ(c.take_hex(),
              to_hex(hex("20 { 00 00 { 11 00000000 21 0400 22 0010 24 01 27 00100000 2a 00 } }")));
    EXPECT_EQ(host.event_ids.back(), "binding.mqtt.client.connected");
    EXPECT_EQ(host.event_texts.back(),
              "Session authorization (-) was successful for client id (dev).");
    EXPECT_EQ(host.cells["mqtt.connections"], 1u);
}

// 3.1.1 [MQTT-3.2.2-2] 3.1.1 [MQTT-3.1.4-4]
TEST_F(connect_test, v4_connack_has_two_bytes) {
    granted.flags = WEFT_MQTT_SESSION_PRESENT;
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 04 00 003c 0003 'dev' }");
    const meta_view<weft_mqtt_begin> m(
        reinterpret_cast<const weft_meta*>(host.opened[0]->begin_meta.data()));
    EXPECT_EQ(m->session_expiry_s, WEFT_MQTT_EXPIRY_NEVER) << "clean session 0";
    EXPECT_EQ(m->receive_max, 65535);
    begin_session(c);
    EXPECT_EQ(c.take_hex(), "20 02 01 00");
}

// [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
TEST_F(connect_test, connack_says_what_the_provider_cannot_do) {
    granted = {2, 0, 10, 0, 0};
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 02 0005 00 0000 }");
    begin_session(c);
    const std::string raw = c.take();
    decoder d{role::server, packet_size_limit, version_5};
    packet p;
    bytes in = as_bytes(raw);
    ASSERT_EQ(d.next(in, p), step::packet) << p.error.text;
    EXPECT_FALSE(p.props.has(property::maximum_qos));
    EXPECT_EQ(p.props.number(property::retain_available, 1), 0u);
    EXPECT_EQ(p.props.number(property::wildcard_available, 1), 0u);
    EXPECT_EQ(p.props.number(property::subscription_identifiers_available, 1), 0u);
    EXPECT_EQ(p.props.number(property::shared_available, 1), 0u);
    EXPECT_EQ(p.props.number(property::receive_maximum), 10u) << "the lower of both";
    EXPECT_EQ(p.props.number(property::server_keep_alive), 10u) << "5 s is below the minimum";
    EXPECT_FALSE(p.props.has(property::session_expiry)) << "as asked for";
    EXPECT_TRUE(p.props.text(property::assigned_client_identifier).starts_with("weft-"));
}

struct refusal {
    const char* name;
    const char* connect;
    const char* answer;  // "" closes without one
};
[[maybe_unused]] void PrintTo(const refusal& r, std::ostream* o) {
    *o << r.name;
}

class refusals : public server_test, public ::testing::WithParamInterface<refusal> {};

TEST_P(refusals, are_answered_and_closed) {
    client c = accept();
    c.send_hex(GetParam().connect);
    std::string answer = c.take();
    if (answer.size() > 5 && answer[0] == 0x20) answer.resize(4);  // the reason string may change
    EXPECT_EQ(
        to_hex(answer.substr(0, 1)) + " " + (answer.size() < 4 ? "" : to_hex(answer.substr(2, 2))),
        GetParam().answer);
    EXPECT_TRUE(c.ended());
    EXPECT_TRUE(host.opened.empty());
    EXPECT_TRUE(c.net->closed);
}

const refusal all_refusals[] = {
    {"v4_empty_id_not_clean", "10 { 0004 'MQTT' 04 00 003c 0000 }", "20 00 02"},
    {"v3", "10 { 0006 'MQIsdp' 03 02 003c 0001 'c' }", "20 00 01"},
    {"v6", "10 { 0004 'MQTT' 06 02 003c 00 0000 }", "20 00 84"},
    {"wrong_name", "10 { 0004 'MQTX' 05 02 003c 00 0000 }", "20 00 84"},
    {"v4_malformed", "10 { 0004 'MQTT' 04 03 003c 0000 }", " "},
    {"v5_malformed", "10 { 0004 'MQTT' 05 03 003c 00 0000 }", "20 00 81"},
    {"v5_receive_maximum_0", "10 { 0004 'MQTT' 05 02 003c { 21 0000 } 0000 }", "20 00 82"},
    {"v5_authentication_method", "10 { 0004 'MQTT' 05 02 003c { 15 0001 'm' } 0000 }", "20 00 8c"},
    {"v5_will_wildcard", "10 { 0004 'MQTT' 05 06 003c 00 0000 00 0001 '#' 0001 'x' }", "20 00 90"},
    {"v4_will_wildcard", "10 { 0004 'MQTT' 04 06 003c 0000 0001 '#' 0001 'x' }", " "},
    {"reserved_owner", "10 { 0004 'MQTT' 05 02 003c 00 0009 'bob#owner' }", "20 00 85"},
    {"reserved_will", "10 { 0004 'MQTT' 05 02 003c 00 000a 'bob#will-7' }", "20 00 85"},
    {"v4_reserved", "10 { 0004 'MQTT' 04 02 003c 0011 'bob#expiry-signal' }", "20 00 02"},
    {"not_connect", "c0 00", " "},
    {"http", "'GET / HTTP/1.1' 0d0a", " "},
    {"publish_first", "30 { 0001 'a' 'x' }", " "},
};
INSTANTIATE_TEST_SUITE_P(connect, refusals, ::testing::ValuesIn(all_refusals),
                         [](const auto& i) { return std::string(i.param.name); });

// [MQTT-3.2.2-19]
TEST_F(connect_test, a_refusal_fits_the_clients_maximum_packet_size) {
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 02 003c { 27 00000010 } 0009 'bob#owner' }");
    EXPECT_EQ(c.take_hex(), "20 03 00 85 00");
    client d = accept();
    d.send_hex("10 { 0004 'MQTT' 05 02 003c { 27 00000010 } 0001 ff }");
    EXPECT_EQ(d.take_hex(), "20 03 00 81 00");
}

TEST_F(connect_test, client_id_has_a_maximum_length) {
    const std::string id(257, 'i');
    const std::string raw = hex("0004 'MQTT' 05 02 003c 00 0101") + id;
    client c = accept();
    c.send(std::string(1, 0x10) + with_length(raw));
    EXPECT_EQ(to_hex(c.take().substr(c.net->sent.empty() ? 0 : 3, 1)), "85");
    EXPECT_TRUE(c.ended());
}

// 3.1.1 [MQTT-3.1.2-2]
TEST_F(connect_test, versions_can_be_switched_off) {
    config.accept_311 = false;
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 04 02 003c 0001 'c' }");
    EXPECT_EQ(c.take_hex(), "20 02 00 01");
    EXPECT_TRUE(c.ended());
}

TEST_F(connect_test, comes_in_time_or_not_at_all) {
    client c = accept();
    c.send_hex("10 20 0004");
    host.advance_ms(2'900);
    EXPECT_FALSE(c.net->closed);
    host.advance_ms(400);
    EXPECT_TRUE(c.net->closed);
    EXPECT_EQ(c.take(), "");
}

TEST_F(connect_test, one_byte_at_a_time_is_enough) {
    client c = accept();
    for (char b : hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }")) c.send(std::string_view(&b, 1));
    begin_session(c);
    EXPECT_EQ(c.take().substr(0, 1), "\x20");
}

TEST_F(connect_test, what_follows_connect_waits_for_the_session) {
    client c = accept();
    c.send_hex(
        "10 { 0004 'MQTT' 05 02 003c 00 0001 'c' } 30 { 0001 'a' 00 'x' } 82 { 0001 00 0001 'a' 00 "
        "} c0 00");
    c.session = host.opened.back();
    EXPECT_TRUE(c.session->sent.empty());
    begin_session(c);
    EXPECT_EQ(c.take_session(WEFT_FLUSH).block()->type, WEFT_META_MQTT_SUBSCRIBE);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    const std::string out = c.take();
    EXPECT_EQ(out.substr(0, 1), "\x20");
    EXPECT_EQ(to_hex(out.substr(out.size() - 2)), "d0 00");
}

// [MQTT-3.2.2-8]
TEST_F(connect_test, provider_refusals_become_connack_codes) {
    for (auto [version, code, expected] : {std::tuple{5, 0x88, "88"},
                                           {5, 0x87, "87"},
                                           {5, 0x8e, "83"},
                                           {4, 0x88, "03"},
                                           {4, 0x87, "05"},
                                           {4, 0x85, "02"}}) {
        client c = accept();
        c.send_hex(version == 5 ? "10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }"
                                : "10 { 0004 'MQTT' 04 02 003c 0001 'c' }");
        c.session = host.opened.back();
        provider_ends(c, WEFT_RESET, static_cast<uint8_t>(code), "because");
        const std::string out = c.take();
        EXPECT_EQ(to_hex(out.substr(3, 1)), expected);
        EXPECT_EQ(out.find("because") != std::string::npos, version == 5);
        EXPECT_TRUE(c.ended());
        EXPECT_TRUE(c.net->closed && c.session->closed);
    }
}

TEST_F(connect_test, a_reset_without_a_word_is_server_unavailable) {
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }");
    c.session = host.opened.back();
    host.deliver_bare(c.session, WEFT_RESET);
    EXPECT_EQ(to_hex(c.take().substr(3, 1)), "88");
}

TEST_F(connect_test, a_client_that_leaves_while_connecting_takes_its_session_with_it) {
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }");
    c.session = host.opened.back();
    host.deliver_bare(c.net, WEFT_END);
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
    EXPECT_TRUE(c.net->closed && c.session->closed);
}

TEST_F(connect_test, no_route_is_not_authorized) {
    route_config r = plain_route(9);
    r.when = nlohmann::json::parse(R"([{"session": [{"client-id": "dev-*"}]}])");
    config.routes = router({r});
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }");
    EXPECT_EQ(to_hex(c.take().substr(3, 1)), "87");
    client d = accept();
    d.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0005 'dev-1' }");
    ASSERT_EQ(host.opened.size(), 1u);
    EXPECT_EQ(host.opened[0]->exit, 9u);
}

TEST_F(connect_test, a_client_too_small_for_connack_is_let_go) {
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 02 003c { 27 00000008 } 0001 'c' }");
    begin_session(c, 0);
    EXPECT_EQ(c.take(), "");
    EXPECT_TRUE(c.net->closed && c.session->closed);
}

TEST_F(connect_test, broken_reason_strings_are_left_out) {
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }");
    c.session = host.opened.back();
    provider_ends(c, WEFT_RESET, 0x88, hex("'bad ' ff"));
    EXPECT_EQ(c.take_hex(), "20 03 00 88 00");
}

TEST_F(connect_test, last_words_wait_for_credit) {
    client c = accept(0);
    c.send_hex("10 { 0004 'MQTT' 04 00 003c 0000 }");
    EXPECT_EQ(c.take(), "");
    EXPECT_FALSE(c.ended());
    host.grant(c.net, 3);
    EXPECT_EQ(c.take_hex(), "20 02 00");
    host.grant(c.net, 100);
    EXPECT_EQ(c.take_hex(), "02");
    EXPECT_TRUE(c.ended());
}

TEST_F(connect_test, last_words_do_not_wait_for_ever) {
    client c = accept(0);
    c.send_hex("10 { 0004 'MQTT' 04 00 003c 0000 }");
    host.advance_ms(limits::close_timeout_ms + 500);
    EXPECT_TRUE(c.aborted());
    EXPECT_TRUE(c.net->closed);
}

}  // namespace
}  // namespace weft::mqtt
