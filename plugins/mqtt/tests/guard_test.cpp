// Clients that a guard knows: who may connect, publish and subscribe, and for how long.
#include "auth/bearer.hpp"
#include "config.hpp"
#include "decoder.hpp"
#include "encoder.hpp"
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

TEST(bearer, tokens_of_rfc_7628) {
    EXPECT_EQ(bearer_token("n,,\x01"
                           "auth=Bearer abc\x01\x01"),
              "abc");
    EXPECT_EQ(bearer_token("n,a=anna,\x01host=h\x01port=1\x01"
                           "auth=bearer a.b.c=\x01\x01"),
              "a.b.c=");
    for (const std::string_view bad : {std::string_view(""), std::string_view("abc"),
                                       std::string_view("n,,"), std::string_view("n,,\x01"),
                                       std::string_view("n,,\x01"
                                                        "auth=Bearer abc"),
                                       std::string_view("n,,\x01"
                                                        "auth=Basic abc\x01\x01"),
                                       std::string_view("n,,\x01"
                                                        "auth=Bearer \x01\x01"),
                                       std::string_view("p=tls-unique,,\x01"
                                                        "auth=Bearer abc\x01\x01")})
        EXPECT_FALSE(bearer_token(bad)) << bad;
}

// The token of "anna" is "anna", with the roles and end that the test says.
class guard_test : public server_test {
protected:
    guard_test() {
        use(R"([{"exit": 7, "guarded": {"g": ["device"]}, "when": [
                  {"session": [{"client-id": "*"}]},
                  {"publish": [{"topic": "d/{id}/#", "params": {"id": "${guarded['g'].identity}"}}]},
                  {"subscribe": [{"topic": "d/{id}/#", "params": {"id": "${guarded['g'].identity}"}}]}]}])");
        host.guard_script = [this](const auto& q, std::string& refusal) {
            std::optional<identified> who;
            if (q.guard != "n:g" || q.credentials == "late") {
                refusal = "Token is expired.";
                return who;
            }
            who.emplace();
            who->identity = q.credentials;
            who->roles = roles;
            who->expires_ms = expires_ms;
            return who;
        };
    }
    void use(const std::string& routes, const char* field = "username") {
        const std::string text =
            R"({"namespace": "n", "name": "m", "type": "mqtt", "kind": "server", "routes": )" +
            routes + R"(, "options": {"authorization": {"g": {"credentials": {"connect": {")" +
            field + R"(": "Bearer {credentials}"}}}}}})";
        config = read_settings(binding_config::parse(text.c_str()));
    }
    static std::string connect(std::string_view version, const std::string& user,
                               std::string_view more = {}) {
        packet p;
        p.reset(packet_type::connect, version == "5" ? version_5 : version_311);
        p.connect.client_id = "c";
        p.connect.clean_start = true;
        p.connect.keep_alive_s = 60;
        if (!user.empty()) p.connect.user_name = user;
        if (!more.empty()) {
            p.connect.password = as_bytes(more);
        }
        return encoded(p);
    }
    static std::string encoded(const packet& p) {
        std::string s(head_size(p), '\0');
        encode(p, reinterpret_cast<uint8_t*>(s.data()));
        return s;
    }
    static std::string with_method(packet_type type, std::string_view token, uint8_t code = 0) {
        packet p;
        p.reset(type, version_5);
        p.code = static_cast<reason>(code);
        p.connect.client_id = "c";
        p.connect.clean_start = true;
        p.connect.keep_alive_s = 60;
        p.props.set(property::authentication_method, bearer_method);
        const std::string data =
            "n,,\x01"
            "auth=Bearer " +
            std::string(token) + "\x01\x01";
        if (!token.empty()) p.props.set(property::authentication_data, data);
        return encoded(p);
    }
    client let_in(const std::string& raw) {
        client c = accept();
        c.send(raw);
        host.answer_guards();
        begin_session(c);
        return c;
    }
    // "TYPE code, reason string" of the first packet.
    std::string read(client& c) {
        const std::string raw = c.take();
        decoder d{role::server, packet_size_limit, version_5};
        bytes in = as_bytes(raw);
        packet p;
        if (d.next(in, p) != step::packet) return "nothing";
        std::string out =
            std::string(describe(p.type)) + " " + to_hex(std::string(1, static_cast<char>(p.code)));
        if (p.props.has(property::reason_string))
            out += ", " + std::string(p.props.text(property::reason_string));
        return out;
    }

    std::vector<std::string> roles = {"device"};
    uint64_t expires_ms = WEFT_GUARD_NEVER;
};

TEST_F(guard_test, asks_with_what_the_pattern_finds_and_tells_the_exit_who_it_is) {
    client c = accept();
    c.send(connect("5", "Bearer anna"));
    EXPECT_TRUE(host.opened.empty()) << "before the guard has answered nobody hears of it";
    EXPECT_EQ(c.take(), "");
    host.answer_guards();
    ASSERT_EQ(host.questions.size(), 1u);
    EXPECT_EQ(host.questions[0].credentials, "anna");
    EXPECT_EQ(host.questions[0].username, "Bearer anna");
    EXPECT_EQ(host.questions[0].remote, "10.0.0.9:4711");
    begin_session(c);
    EXPECT_EQ(read(c), "CONNACK 00");
    EXPECT_NE(c.session->auth, 0u) << "the authorization travels on";
    const meta_view<weft_mqtt_begin> m(
        reinterpret_cast<const weft_meta*>(c.session->begin_meta.data()));
    EXPECT_EQ(m.text(m->identity), "anna");
    EXPECT_EQ(host.event_texts.back(),
              "Session authorization (anna) was successful for client id (c).");
}

TEST_F(guard_test, refusals_have_a_code) {
    const auto answer = [&](const char* version, const std::string& user) {
        client c = accept();
        c.send(connect(version, user));
        host.answer_guards();
        EXPECT_TRUE(c.ended());
        EXPECT_TRUE(host.opened.empty());
        return std::string(version) == "5" ? read(c) : c.take_hex();
    };
    EXPECT_EQ(answer("5", "Bearer late"), "CONNACK 86, Token is expired.");
    EXPECT_EQ(answer("4", "Bearer late"), "20 02 00 04");
    EXPECT_EQ(answer("5", "anna"), "CONNACK 86, not the form of credentials that is asked for");
    EXPECT_EQ(answer("4", "anna"), "20 02 00 04");
    EXPECT_EQ(answer("5", ""), "CONNACK 87, no route takes this client");
    EXPECT_EQ(answer("4", ""), "20 02 00 05");
    roles = {"other"};
    EXPECT_EQ(answer("5", "Bearer anna"), "CONNACK 87, no route takes this client");
    EXPECT_EQ(answer("4", "Bearer anna"), "20 02 00 05");
}

TEST_F(guard_test, an_identity_has_so_many_connections) {
    config.quota = std::make_unique<identity_quota>("n:m", 2);
    const auto asks = [&](const char* version, const std::string& id, const std::string& user) {
        packet p;
        p.reset(packet_type::connect, *version == '5' ? version_5 : version_311);
        p.connect.client_id = id;
        p.connect.clean_start = true;
        p.connect.user_name = user;
        client c = accept();
        c.send(encoded(p));
        host.answer_guards();
        return c;
    };
    const auto in = [&](const char* version, const std::string& id, const std::string& user) {
        client c = asks(version, id, user);
        begin_session(c);
        c.take();
        return c;
    };
    client a = in("5", "a", "Bearer anna"), b = in("4", "b", "Bearer anna");
    client third = asks("5", "c", "Bearer anna"), old = asks("4", "d", "Bearer anna");
    EXPECT_EQ(read(third), "CONNACK 97, as many connections as its identity may have");
    EXPECT_EQ(old.take_hex(), "20 02 00 03");
    EXPECT_TRUE(third.ended() && old.ended());
    EXPECT_EQ(host.opened.size(), 2u) << "nobody above hears of them";
    in("5", "c", "Bearer bob");
    in("5", "a", "Bearer anna");
    a.send_hex("e0 00");
    EXPECT_TRUE(a.ended());
    client still = asks("5", "c", "Bearer anna");
    EXPECT_EQ(read(still), "CONNACK 97, as many connections as its identity may have");
    b.send_hex("e0 00");
    EXPECT_TRUE(b.ended());
    in("5", "c", "Bearer anna");
}

TEST_F(guard_test, the_password_may_be_what_counts) {
    use(R"([{"exit": 7, "guarded": {"g": []}}])", "password");
    client c = let_in(connect("5", "the name", "Bearer secret"));
    EXPECT_EQ(read(c), "CONNACK 00");
    EXPECT_EQ(host.questions[0].username, "the name");
    EXPECT_EQ(host.questions[0].credentials, "secret");
}

TEST_F(guard_test, without_credentials_only_what_is_not_guarded) {
    use(R"([{"exit": 7, "guarded": {"g": ["device"]}},
            {"exit": 7, "when": [{"session": [{}], "publish": [{"topic": "public/#"}]}]}])");
    client c = let_in(connect("5", ""));
    EXPECT_EQ(read(c), "CONNACK 00");
    EXPECT_EQ(c.session->auth, 0u);
    c.send_hex("32 { 0006 'secret' 0001 00 'x' }");
    EXPECT_EQ(c.take_hex(), "40 03 00 01 87");
    c.send_hex("32 { 0008 'public/a' 0001 00 'x' }");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    client other = accept();
    other.send(connect("5", "Bearer late"));
    host.answer_guards();
    EXPECT_EQ(read(other), "CONNACK 86, Token is expired.")
        << "who tries and fails is not anonymous";
}

TEST_F(guard_test, topics_of_ones_own) {
    granted.qos_max = 2;
    client c = let_in(connect("5", "Bearer anna"));
    c.take();
    c.send_hex("32 { 0008 'd/anna/x' 0001 00 'x' }");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    c.send_hex("32 { 0007 'd/bob/x' 0002 00 'x' }");
    EXPECT_EQ(c.take_hex(), "40 03 00 02 87");
    c.send_hex("34 { 0007 'd/bob/x' 0003 00 'x' }");
    EXPECT_EQ(c.take_hex(), "50 03 00 03 87");
    c.send_hex("30 { 0007 'd/bob/x' 00 'x' }");
    EXPECT_EQ(c.take_hex(), "") << "at QoS 0 it is dropped, with an event";
    EXPECT_EQ(host.event_ids.back(), "binding.mqtt.publish.refused");
    c.send_hex("82 { 0004 00 0008 'd/anna/#' 01 0007 'd/bob/#' 01 0005 'd/+/#' 01 0001 '#' 01 }");
    provider_subacks(c, 9, 4, {1});
    EXPECT_EQ(c.take_hex(), "90 07 00 04 00 01 87 87 87");

    client old = let_in(connect("4", "Bearer anna"));
    old.take();
    old.send_hex("82 { 0004 0008 'd/anna/#' 01 0007 'd/bob/#' 01 }");
    provider_subacks(old, 9, 4, {1});
    EXPECT_EQ(old.take_hex(), "90 04 00 04 01 80");
    old.send_hex("32 { 0007 'd/bob/x' 0002 'x' }");
    EXPECT_TRUE(old.ended()) << "3.1.1 has no answer that says no [MQTT-3.3.5-2]";
}

TEST_F(guard_test, a_will_is_a_publish_of_ones_own) {
    granted.capabilities |= WEFT_MQTT_CAP_WILL;
    const auto with_will = [&](const char* topic) {
        client c = accept();
        c.send_hex("10 { 0004 'MQTT' 05 86 003c 00 0001 'c' 00 " + std::string(topic) +
                   " 0001 'x' 000b 'Bearer anna' }");
        host.answer_guards();
        return c;
    };
    client refused = with_will("0007 'd/bob/x'");
    EXPECT_EQ(read(refused), "CONNACK 87, no route takes the will's topic");
    client c = with_will("0008 'd/anna/x'");
    begin_session(c);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
}

TEST_F(guard_test, the_end_of_a_token_ends_the_connection) {
    const auto now = 1'000'000;  // of the fake host, ms
    expires_ms = now + 90'000;
    client c = let_in(connect("5", "Bearer anna"));
    client old = let_in(connect("4", "Bearer anna"));
    c.take(), old.take();
    for (int n = 0; n < 4; ++n) {
        host.advance_ms(20'000);
        c.send_hex("c0 00"), old.send_hex("c0 00");
        EXPECT_EQ(c.take_hex() + old.take_hex(), "d0 00d0 00") << "it is busy meanwhile";
    }
    host.advance_ms(11'000);
    EXPECT_EQ(read(c), "DISCONNECT 87, the authorization has expired");
    EXPECT_TRUE(c.ended() && c.session_sent(WEFT_ABORT));
    EXPECT_TRUE(old.ended()) << "3.1.1 has no DISCONNECT of a server; the event says why";
    EXPECT_EQ(host.event_ids.back(), "binding.mqtt.client.disconnected");
}

TEST_F(guard_test, no_keep_alive_does_not_keep_a_token) {
    expires_ms = 1'000'000 + 5'000;
    client c = accept();
    c.send_hex("10 { 0004 'MQTT' 05 82 0000 00 0001 'c' 000b 'Bearer anna' }");
    host.answer_guards();
    begin_session(c);
    c.take();
    host.advance_ms(6'000);
    EXPECT_EQ(read(c), "DISCONNECT 87, the authorization has expired");
}

TEST_F(guard_test, a_far_end_does_not_count_as_silence) {
    expires_ms = 1'000'000 + 3 * 86'400'000ull;
    client c = let_in(connect("5", "Bearer anna"));
    c.take();
    for (int n = 0; n < 300; ++n) {
        host.advance_ms(50'000);
        c.send_hex("c0 00");
        ASSERT_EQ(c.take_hex(), "d0 00");
    }
    host.advance_ms(95'000);
    EXPECT_EQ(read(c).substr(0, 13), "DISCONNECT 8d");
}

// [MQTT-4.12.0-2]
TEST_F(guard_test, oauthbearer_lets_in) {
    client c = let_in(with_method(packet_type::connect, "anna"));
    EXPECT_EQ(read(c), "CONNACK 00");
    EXPECT_FALSE(host.questions[0].has_username);
    client second = accept();
    second.send(with_method(packet_type::connect, ""));
    EXPECT_EQ(read(second), "AUTH 18");
    second.send(with_method(packet_type::auth, "anna", 0x18));
    host.answer_guards();
    begin_session(second);
    EXPECT_EQ(read(second), "CONNACK 00");

    client late = accept();
    late.send(with_method(packet_type::connect, "late"));
    host.answer_guards();
    EXPECT_EQ(read(late), "CONNACK 87, Token is expired.");
    client odd = accept();
    odd.send(with_method(packet_type::connect, ""));
    odd.take();
    odd.send(with_method(packet_type::auth, "anna", 0x19));
    EXPECT_EQ(read(odd).substr(0, 10), "CONNACK 82");
}

// [MQTT-4.12.1-1] [MQTT-4.12.1-2]
TEST_F(guard_test, a_new_token_in_time) {
    expires_ms = 1'000'000 + 30'000;
    client c = let_in(with_method(packet_type::connect, "anna"));
    c.take();
    host.advance_ms(20'000);
    expires_ms += 60'000;
    c.send(with_method(packet_type::auth, "anna", 0x19));
    c.send_hex("c0 00");
    EXPECT_EQ(c.take_hex(), "d0 00") << "other traffic goes on";
    host.answer_guards();
    EXPECT_EQ(read(c), "AUTH 00");
    host.advance_ms(20'000);
    c.send_hex("c0 00");
    EXPECT_EQ(c.take_hex(), "d0 00") << "the old end has gone by";
    host.advance_ms(51'000);
    EXPECT_EQ(read(c), "DISCONNECT 87, the authorization has expired");

    const auto again = [&](const char* token, std::vector<std::string> with) {
        roles = {"device"};
        client x = let_in(with_method(packet_type::connect, "anna"));
        x.take();
        roles = std::move(with);
        x.send(with_method(packet_type::auth, token, 0x19));
        host.answer_guards();
        return read(x);
    };
    expires_ms = WEFT_GUARD_NEVER;
    EXPECT_EQ(again("anna", {"device"}), "AUTH 00");
    const auto other = "DISCONNECT 87, re-authentication with another identity or other rights";
    EXPECT_EQ(again("bob", {"device"}), other);
    EXPECT_EQ(again("anna", {"device", "admin"}), other);
    EXPECT_EQ(again("late", {"device"}), "DISCONNECT 87, Token is expired.");
    client plain = let_in(connect("5", "Bearer anna"));
    plain.take();
    plain.send(with_method(packet_type::auth, "anna", 0x19));
    EXPECT_EQ(read(plain).substr(0, 13), "DISCONNECT 82") << "CONNECT had no method";
}

TEST_F(guard_test, one_question_at_a_time) {
    client c = let_in(with_method(packet_type::connect, "anna"));
    c.take();
    c.send(with_method(packet_type::auth, "anna", 0x19) +
           with_method(packet_type::auth, "anna", 0x19));
    EXPECT_EQ(read(c).substr(0, 13), "DISCONNECT 82");
}

TEST_F(guard_test, who_leaves_does_not_wait_for_the_guard) {
    client c = accept();
    c.send(connect("5", "Bearer anna"));
    host.deliver_bare(c.net, WEFT_ABORT);
    EXPECT_TRUE(host.opened.empty());
    host.answer_guards();
    EXPECT_TRUE(host.opened.empty());
    EXPECT_TRUE(host.guard_sessions.empty());
}

TEST_F(guard_test, who_the_binding_below_has_found_out) {
    config.guard.reset();
    identified anna;
    anna.identity = "anna";
    anna.roles = {"device"};
    anna.expires_ms = 1'000'000 + 10'000;
    const uint64_t auth = host.keep_session("n:g", anna);
    client c = accept(1 << 20, auth);
    c.send_hex("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }");
    begin_session(c);
    EXPECT_EQ(read(c), "CONNACK 00");
    EXPECT_EQ(c.session->auth, auth);
    EXPECT_EQ(host.event_texts.back(),
              "Session authorization (anna) was successful for client id (c).");
    c.send_hex("32 { 0008 'd/anna/x' 0001 00 'x' }");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    host.advance_ms(11'000);
    EXPECT_EQ(read(c), "DISCONNECT 87, the authorization has expired");
    services.guards->release(host.here().handle(), auth);
}

TEST_F(guard_test, both_ways_of_saying_who_may_connect) {
    const auto text =
        R"({"namespace": "n", "name": "m", "type": "mqtt", "kind": "server", "routes": [{"exit": 7}],
            "options": {"authentication": {"file": "/nowhere"},
                        "authorization": {"g": {"credentials": {"connect": {"username": "{credentials}"}}}}}})";
    EXPECT_THROW(read_settings(binding_config::parse(text)), config_error);
}

}  // namespace
}  // namespace weft::mqtt
