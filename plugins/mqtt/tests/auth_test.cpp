// Enhanced authentication, its one method so far, and user name with password.
#include "config.hpp"
#include "decoder.hpp"
#include "encoder.hpp"
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

// RFC 7677, 3: user "user", password "pencil".
constexpr const char* salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr const char* client_nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr const char* server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

std::string line_for(const std::string& name, std::string_view password) {
    const std::string raw_salt = *from_base64(salt);
    const digest salted = pbkdf2_sha256(password, raw_salt, 4096);
    const digest client_key = hmac_sha256(as_view(salted), "Client Key");
    return name + ":SCRAM-SHA-256$4096:" + salt + "$" +
           to_base64(as_view(sha256(as_view(client_key)))) + ":" +
           to_base64(as_view(hmac_sha256(as_view(salted), "Server Key"))) + "\n";
}

password_file users() {
    return password_file::parse("# who\n\n" + line_for("user", "pencil") +
                                line_for("other", "pen"));
}

// The client's last message for what the server said first.
std::string proof_for(std::string_view first_bare, const std::string& server_first,
                      std::string_view password) {
    const size_t comma = server_first.find(",s=");
    const std::string nonce = server_first.substr(0, comma);
    const size_t salt_end = server_first.find(",i=");
    const auto raw_salt =
        *from_base64(std::string_view(server_first).substr(comma + 3, salt_end - comma - 3));
    const digest salted = pbkdf2_sha256(password, raw_salt, 4096);
    const digest key = hmac_sha256(as_view(salted), "Client Key");
    const std::string bare = "c=biws," + nonce;
    const digest signature = hmac_sha256(as_view(sha256(as_view(key))),
                                         std::string(first_bare) + "," + server_first + "," + bare);
    std::string proof;
    for (size_t i = 0; i < key.size(); ++i) proof += static_cast<char>(key[i] ^ signature[i]);
    return bare + ",p=" + to_base64(proof);
}

TEST(scram, the_rfcs_example) {
    const password_file f = users();
    const scram_sha_256 method(f, server_nonce);
    const auto x = method.begin();
    std::string out;
    ASSERT_EQ(x->next("n,,n=user,r=" + std::string(client_nonce), out),
              auth_exchange::verdict::more);
    EXPECT_EQ(out, "r=" + std::string(client_nonce) + server_nonce + ",s=" + salt + ",i=4096");
    ASSERT_EQ(x->next("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                      out),
              auth_exchange::verdict::success);
    EXPECT_EQ(out, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    EXPECT_EQ(x->identity(), "user");
    EXPECT_EQ(x->next("", out), auth_exchange::verdict::failure) << "over is over";
}

TEST(scram, what_is_wrong_fails) {
    const password_file f = users();
    const scram_sha_256 method(f, server_nonce);
    std::string out;
    for (const char* first :
         {"", "x", "p=tls-unique,,n=user,r=a", "n,", "n,,n=user", "n,,r=a", "n,,n=,r=a",
          "n,,n=u=2Dser,r=a", "n,,n=us=,r=a", "n,a=other,n=user,r=a", "n,,m=x,n=user,r=a",
          "n,,n=user,r=", "n,,n=\xff,r=a"}) {
        const auto x = method.begin();
        out.clear();
        if (*first == '\0') {
            EXPECT_EQ(x->next("", out), auth_exchange::verdict::more);
        }
        EXPECT_EQ(x->next(first, out), auth_exchange::verdict::failure) << first;
    }
    const std::string first = "n=user,r=abc";
    for (int bad = 0; bad < 7; ++bad) {
        const auto x = method.begin();
        ASSERT_EQ(x->next("n,," + (bad == 6 ? std::string("n=nobody,r=abc") : first), out),
                  auth_exchange::verdict::more);
        std::string last =
            proof_for(bad == 6 ? "n=nobody,r=abc" : first, out, bad == 0 ? "pencils" : "pencil");
        if (bad == 1) last[2] = 'e';  // c= of another header
        if (bad == 2) last[9] ^= 1;   // nonce
        if (bad == 3) last.resize(last.size() - 4);
        if (bad == 4) last = "c=biws";
        if (bad == 5) last.back() = '*';
        EXPECT_EQ(x->next(last, out), auth_exchange::verdict::failure) << bad;
    }
}

TEST(scram, names_are_decoded_and_unknown_ones_look_like_others) {
    const password_file f = password_file::parse(line_for("a,b=c", "pencil"));
    const scram_sha_256 method(f, server_nonce);
    std::string out, again;
    const auto x = method.begin();
    ASSERT_EQ(x->next("n,,n=a=2Cb=3Dc,r=abc", out), auth_exchange::verdict::more);
    EXPECT_EQ(x->next(proof_for("n=a=2Cb=3Dc,r=abc", out, "pencil"), out),
              auth_exchange::verdict::success);
    EXPECT_EQ(method.begin()->next("n,,n=nobody,r=abc", out), auth_exchange::verdict::more);
    EXPECT_EQ(method.begin()->next("n,,n=nobody,r=abc", again), auth_exchange::verdict::more);
    EXPECT_EQ(out, again) << "the same salt every time, as a real one has";
    EXPECT_TRUE(out.ends_with(",i=4096"));
}

TEST(password_file, says_what_is_wrong_where) {
    const auto fault = [](const std::string& text) {
        try {
            password_file::parse(text);
        } catch (const std::runtime_error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    const std::string good = line_for("user", "pencil");
    EXPECT_EQ(fault(good), "");
    EXPECT_EQ(fault(good + good), "line 2: the name is there already");
    EXPECT_EQ(fault("# x\nuser"), "line 2: no name");
    EXPECT_EQ(fault("user:secret"), "line 1: not SCRAM-SHA-256$...");
    EXPECT_EQ(fault("user:SCRAM-SHA-256$1:AAAA$AAAA:AAAA"),
              "line 1: the number of iterations is out of range");
    EXPECT_EQ(fault("user:SCRAM-SHA-256$4096:A$AAAA:AAAA"), "line 1: the salt is not base64");
    EXPECT_EQ(fault("user:SCRAM-SHA-256$4096:AAAA$AAAA:AAAA"),
              "line 1: a key is not 32 bytes of base64");
    EXPECT_THROW(password_file::load("/nonexistent/users"), std::runtime_error);
}

class auth_test : public server_test {
public:
    auth_test() {
        auto a = std::make_unique<authentication>(users());
        a->add_scram();
        config.auth = std::move(a);
    }

    static std::string write(packet& p) {
        std::string raw(encoded_size(p), '\0');
        encode(p, reinterpret_cast<uint8_t*>(raw.data()));
        return raw;
    }
    static std::string connect_with(std::string_view method, std::string_view data) {
        packet p;
        p.reset(packet_type::connect, version_5);
        p.connect.clean_start = true;
        p.connect.keep_alive_s = 60;
        p.connect.client_id = "c";
        p.props.set(property::authentication_method, method);
        if (!data.empty()) p.props.set(property::authentication_data, data);
        return write(p);
    }
    static std::string auth(uint8_t code, std::string_view data,
                            std::string_view method = "SCRAM-SHA-256") {
        packet p;
        p.reset(packet_type::auth, version_5);
        p.code = static_cast<reason>(code);
        p.props.set(property::authentication_method, method);
        if (!data.empty()) p.props.set(property::authentication_data, data);
        return write(p);
    }
    // The one packet in `raw`, as "type reason", and its Authentication Data.
    std::string read(const std::string& raw) {
        kept = raw;
        decoder d{role::server, packet_size_limit, version_5};
        bytes in = as_bytes(kept);
        if (d.next(in, got) != step::packet) return "nothing";
        data = got.props.text(property::authentication_data);
        return std::string(describe(got.type)) + " " +
               to_hex(std::string(1, static_cast<char>(got.code)));
    }
    client half_way(std::string_view name = "user") {
        client c = accept();
        first = "n=" + std::string(name) + ",r=abc";
        c.send(connect_with("SCRAM-SHA-256", "n,," + first));
        EXPECT_EQ(read(c.take()), "AUTH 18");
        EXPECT_EQ(got.props.text(property::authentication_method), "SCRAM-SHA-256");
        return c;
    }
    client authenticated() {
        client c = half_way();
        c.send(auth(0x18, proof_for(first, data, "pencil")));
        begin_session(c);
        EXPECT_EQ(read(c.take()), "CONNACK 00");
        return c;
    }
    std::string identity_sent() {
        const meta_view<weft_mqtt_begin> m(
            reinterpret_cast<const weft_meta*>(host.opened.back()->begin_meta.data()));
        return std::string(m.text(m->identity));
    }

    packet got;
    std::string data, first, kept;
};

// [MQTT-4.12.0-2] [MQTT-4.12.0-5]
TEST_F(auth_test, scram_lets_in_and_says_who_it_is) {
    client c = authenticated();
    EXPECT_EQ(identity_sent(), "user");
    EXPECT_EQ(got.props.text(property::authentication_method), "SCRAM-SHA-256");
    EXPECT_TRUE(data.starts_with("v=")) << "the server proves itself in CONNACK";
    EXPECT_EQ(host.event_texts.back(),
              "Session authorization (user) was successful for client id (c).");
    c.send_hex("c0 00");
    EXPECT_EQ(c.take_hex(), "d0 00");
}

TEST_F(auth_test, the_client_may_begin_with_its_first_auth) {
    client c = accept();
    c.send(connect_with("SCRAM-SHA-256", ""));
    EXPECT_EQ(read(c.take()), "AUTH 18");
    c.send(auth(0x18, "n,,n=user,r=abc"));
    EXPECT_EQ(read(c.take()), "AUTH 18");
    c.send(auth(0x18, proof_for("n=user,r=abc", data, "pencil")));
    begin_session(c);
    EXPECT_EQ(read(c.take()), "CONNACK 00");
}

// [MQTT-4.12.0-1] [MQTT-4.12.0-4]
TEST_F(auth_test, refusals) {
    client unknown = accept();
    unknown.send(connect_with("GS2-KRB5", ""));
    EXPECT_EQ(read(unknown.take()), "CONNACK 8c");
    for (const char* name : {"user", "nobody"}) {
        client c = half_way(name);
        c.send(auth(0x18, proof_for(first, data, "wrong")));
        EXPECT_EQ(read(c.take()), "CONNACK 87");
        EXPECT_TRUE(c.ended());
    }
    EXPECT_TRUE(host.opened.empty()) << "nobody hears of who is not let in";
}

// [MQTT-3.1.2-30] [MQTT-4.12.0-7]
// [MQTT-4.12.0-3]
TEST_F(auth_test, protocol_errors_on_the_way) {
    const auto answer = [&](const std::string& raw) {
        client c = half_way();
        c.send(raw);
        return read(c.take());
    };
    EXPECT_EQ(answer(hex("c0 00")), "CONNACK 82");
    EXPECT_EQ(answer(hex("30 { 0001 'a' 00 }")), "CONNACK 82");
    EXPECT_EQ(answer(auth(0x18, "x", "GS2-KRB5")), "CONNACK 82");
    EXPECT_EQ(answer(auth(0x19, "x")), "CONNACK 82");
    client left = half_way();
    left.send_hex("e0 00");
    EXPECT_EQ(left.take(), "");
    EXPECT_TRUE(left.ended());
    client slow = half_way();
    host.advance_ms(3'500);
    EXPECT_EQ(read(slow.take()), "CONNACK 87");

    auto plain = accept();
    plain.send_hex("10 { 0004 'MQTT' 05 c2 003c 00 0001 'p' 0004 'user' 0006 'pencil' }");
    begin_session(plain);
    plain.take();
    plain.send(auth(0x19, "n,,n=user,r=abc"));
    EXPECT_EQ(read(plain.take()), "DISCONNECT 82") << "CONNECT had no method";
}

// [MQTT-4.12.1-1] [MQTT-4.12.1-2]
TEST_F(auth_test, again_while_connected) {
    client c = authenticated();
    c.send(auth(0x19, "n,,n=user,r=def"));
    EXPECT_EQ(read(c.take()), "AUTH 18");
    const std::string challenge = data;
    c.send_hex("c0 00");
    EXPECT_EQ(c.take_hex(), "d0 00") << "other traffic goes on";
    c.send(auth(0x18, proof_for("n=user,r=def", challenge, "pencil")));
    EXPECT_EQ(read(c.take()), "AUTH 00");
    EXPECT_TRUE(data.starts_with("v="));
    c.send(auth(0x19, "n,,n=user,r=def"));
    EXPECT_EQ(read(c.take()), "AUTH 18") << "as often as it likes";
    c.send(auth(0x18, proof_for("n=user,r=def", data, "wrong")));
    EXPECT_EQ(read(c.take()), "DISCONNECT 87");
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));

    client other = authenticated();
    other.send(auth(0x19, "n,,n=other,r=def"));
    read(other.take());
    other.send(auth(0x18, proof_for("n=other,r=def", data, "pen")));
    EXPECT_EQ(read(other.take()), "DISCONNECT 87") << "somebody else";

    client twice = authenticated();
    twice.send(auth(0x19, "n,,n=user,r=def") + auth(0x19, "n,,n=user,r=def"));
    EXPECT_TRUE(twice.ended());
    client stray = authenticated();
    stray.send(auth(0x18, "x"));
    EXPECT_EQ(read(stray.take()), "DISCONNECT 82");
}

TEST_F(auth_test, user_name_and_password) {
    const auto answer = [&](const char* connect) {
        client c = accept();
        const size_t opened = host.opened.size();
        c.send_hex(connect);
        if (host.opened.size() != opened) begin_session(c);
        return to_hex(c.take().substr(0, 4)).substr(9, 2);  // v5: code or length before it
    };
    const auto v4 = [&](const char* rest) {
        client c = accept();
        const size_t opened = host.opened.size();
        c.send_hex("10 { 0004 'MQTT' 04 " + std::string(rest) + " }");
        if (host.opened.size() != opened) begin_session(c);
        return c.take_hex();
    };
    EXPECT_EQ(answer("10 { 0004 'MQTT' 05 c2 003c 00 0001 'c' 0004 'user' 0006 'pencil' }"), "00");
    EXPECT_EQ(identity_sent(), "user");
    EXPECT_EQ(answer("10 { 0004 'MQTT' 05 c2 003c 00 0001 'c' 0004 'user' 0003 'pen' }"), "86");
    EXPECT_EQ(answer("10 { 0004 'MQTT' 05 c2 003c 00 0001 'c' 0003 'who' 0003 'pen' }"), "86");
    EXPECT_EQ(answer("10 { 0004 'MQTT' 05 82 003c 00 0001 'c' 0004 'user' }"), "86");
    EXPECT_EQ(answer("10 { 0004 'MQTT' 05 02 003c 00 0001 'c' }"), "87");
    EXPECT_EQ(v4("c2 003c 0001 'c' 0004 'user' 0006 'pencil'"), "20 02 00 00");
    EXPECT_EQ(v4("c2 003c 0001 'c' 0004 'user' 0003 'pen'"), "20 02 00 04");
    EXPECT_EQ(v4("02 003c 0001 'c'"), "20 02 00 05");
}

TEST_F(auth_test, anonymous_where_it_is_not_required) {
    auto a = std::make_unique<authentication>(users());
    a->required = a->passwords = false;
    config.auth = std::move(a);
    EXPECT_FALSE(connect_v5().net->closed);
    EXPECT_EQ(identity_sent(), "");
    client m = accept();
    m.send(connect_with("SCRAM-SHA-256", ""));
    EXPECT_EQ(read(m.take()), "CONNACK 8c") << "not among the methods";
}

TEST_F(auth_test, a_will_waits_for_the_authentication) {
    granted.capabilities |= WEFT_MQTT_CAP_WILL;
    client c = accept();
    c.send_hex(
        "10 { 0004 'MQTT' 05 c6 003c 00 0001 'c' 00 0001 't' 0001 'x' 0004 'user' 0006 'pencil' }");
    begin_session(c);
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
}

}  // namespace
}  // namespace weft::mqtt
