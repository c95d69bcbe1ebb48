// Both kinds in the test kit, with an OpenSSL of the test's own at the other end.
#include "ossl.hpp"

#include <certificates.hpp>

#include <weft/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::tls {
namespace {

using std::chrono::seconds;
using testing::host;
using testing::peer;
using tests::identity;

// The other end of a connection: bytes in, bytes out.
class other_end {
public:
    other_end(bool server, const identity* own, const identity& ca)
        : ctx_(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method())) {
        if (own) {
            SSL_CTX_use_certificate(ctx_.get(), own->cert.get());
            SSL_CTX_use_PrivateKey(ctx_.get(), own->key.get());
        }
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx_.get()), ca.cert.get());
        if (!server) SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_PEER, nullptr);
        ssl_.reset(SSL_new(ctx_.get()));
        begin(server);
    }
    // Another connection to the same server.
    explicit other_end(other_end& before) : ctx_(shared(before.ctx_.get())) {
        ssl_.reset(SSL_new(ctx_.get()));
        begin(true);
    }
    SSL* ssl() { return ssl_.get(); }

    void receive(const std::string& bytes) {
        BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    }
    // What there is to send, at most `most` bytes.
    std::string take(size_t most) {
        std::string out(most, '\0');
        const int n = most ? BIO_read(SSL_get_wbio(ssl_.get()), out.data(), int(most)) : 0;
        out.resize(n > 0 ? static_cast<size_t>(n) : 0);
        return out;
    }
    bool shake() { return SSL_do_handshake(ssl_.get()) == 1; }
    void say(const std::string& text) { SSL_write(ssl_.get(), text.data(), int(text.size())); }
    std::string hear() {
        std::string out;
        char part[4096];
        for (int n; (n = SSL_read(ssl_.get(), part, sizeof part)) > 0;)
            out.append(part, static_cast<size_t>(n));
        return out;
    }
    void close() { SSL_shutdown(ssl_.get()); }
    bool peer_closed() { return SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN; }

private:
    static SSL_CTX* shared(SSL_CTX* c) {
        SSL_CTX_up_ref(c);
        return c;
    }
    void begin(bool server) {
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
    }

    ctx_ptr ctx_;
    ssl_ptr ssl_;
};

vault_entry entry(weft_vault_kind kind, const std::string& alias, const identity& of) {
    vault_entry e;
    e.kind = kind;
    e.alias = alias;
    e.source = "test";
    e.certificates = of.cert_pem();
    if (kind == WEFT_VAULT_KEY) e.key = of.key_pem();
    return e;
}

identity signed_by(const identity& ca, const std::string& name) {
    tests::wanted w;
    w.name = name;
    w.dns = {name};
    w.issuer = &ca;
    return tests::make_certificate(w);
}

class connections : public ::testing::Test {
protected:
    connections() {
        host_.vault("test:v",
                    {entry(WEFT_VAULT_KEY, "k", own_), entry(WEFT_VAULT_TRUST, "ca", ca_)});
    }
    testing::subject& server(const char* options = R"({"keys": ["k"]})") {
        return host_.run(
            weft_plugin_1,
            std::string(R"({"kind": "server", "vault": "test:v", "options": )") + options + "}");
    }
    testing::subject& client(const char* options = R"({"trust": ["ca"], "sni": ["one.example"]})") {
        return host_.run(
            weft_plugin_1,
            std::string(R"({"kind": "client", "vault": "test:v", "options": )") + options + "}");
    }
    // Bytes back and forth until neither has any. `step`: bytes at a time to us, and of credit.
    void exchange(peer& net, other_end& far, uint32_t step = 65536) {
        for (int quiet = 0; quiet < 3; ++quiet) {
            if (!net.stopped() || !net.ended()) far.shake();
            for (std::string out; net.may_send() && net.credit() > 0 &&
                                  !(out = far.take(std::min(step, net.credit()))).empty();) {
                net.send(out);
                quiet = 0;
            }
            const auto in = net.take_data();
            if (!in.empty()) {
                far.receive(in);
                quiet = 0;
            }
            if (!net.ended() && step < 65536) net.window(step);
        }
    }

    peer& shake_hands(testing::subject& with, other_end& far) {
        auto& net = with.open();
        net.keep_window(65536);
        exchange(net, far);
        return net;
    }

    const identity ca_ = tests::make_ca();
    const identity own_ = signed_by(ca_, "one.example");
    host host_;
};

TEST_F(connections, server_decrypts_and_encrypts) {
    auto& net = server().open();
    net.keep_window(65536);
    other_end far(false, nullptr, ca_);
    SSL_set_tlsext_host_name(far.ssl(), "one.example");
    exchange(net, far);
    auto& app = host_.accepted();
    const auto begun = app.opened_with().as<weft_tls_begin>();
    ASSERT_TRUE(begun);
    EXPECT_EQ(begun.text(begun->authority), "one.example");
    EXPECT_EQ(begun.text(begun->version), "TLSv1.3");
    EXPECT_FALSE(begun.has(begun->peer_name));
    app.begin();
    far.say("hello");
    exchange(net, far);
    EXPECT_FALSE(app.saw(WEFT_DATA)) << "it has granted nothing";
    app.window(3);
    EXPECT_EQ(app.take_data(), "hel");
    app.keep_window(1000);
    EXPECT_EQ(app.take_data(), "lo");
    app.send("answer");
    exchange(net, far);
    EXPECT_EQ(far.hear(), "answer");
    app.end();
    exchange(net, far);
    EXPECT_EQ(far.hear(), "");
    EXPECT_TRUE(far.peer_closed()) << "in good order";
    EXPECT_TRUE(net.saw(WEFT_END));
    far.close();
    exchange(net, far);
    EXPECT_TRUE(app.saw(WEFT_END));
    EXPECT_TRUE(net.closed());
    host_.finish();
}

TEST_F(connections, little_credit_is_enough) {
    for (const uint32_t step : {1u, 7u, 100u}) {
        auto& net = server().open();
        net.window(step);
        other_end far(false, nullptr, ca_);
        exchange(net, far, step);
        auto& app = host_.accepted();
        app.begin();
        app.keep_window(65536);
        const std::string text(20'000, 'x');
        far.say(text);
        exchange(net, far, step);
        EXPECT_EQ(app.take_data(), text);
        size_t said = 0;
        for (std::string heard; heard.size() < 500; heard += far.hear()) {
            while (said < 500 && app.credit() > app.padding()) {
                app.send("y");
                ++said;
            }
            exchange(net, far, step);
        }
        net.abort();
        EXPECT_TRUE(app.saw(WEFT_ABORT));
    }
    host_.finish();
}

TEST_F(connections, many_messages_of_a_turn_are_one_record) {
    other_end far(false, nullptr, ca_);
    auto& net = shake_hands(server(), far);
    auto& app = host_.accepted();
    app.begin();
    const std::string_view parts[] = {"one ", "two ", "three"};
    app.send_slices(parts);
    const auto wire = net.take_data();
    EXPECT_LT(wire.size(), 13u + 30u) << "the overhead of one record";
    far.receive(wire);
    EXPECT_EQ(far.hear(), "one two three");
    host_.finish();
}

TEST_F(connections, peer_that_is_cut_off_is_not_one_that_closes) {
    auto& s = server();
    for (const bool closes : {true, false}) {
        other_end far(false, nullptr, ca_);
        auto& net = shake_hands(s, far);
        auto& app = host_.accepted();
        app.begin();
        app.keep_window(1000);
        if (closes) far.close();
        exchange(net, far);
        net.end();
        EXPECT_EQ(app.saw(WEFT_END), closes);
        EXPECT_EQ(app.saw(WEFT_ABORT), !closes);
        app.end();
        EXPECT_TRUE(net.closed());
    }
    host_.finish();
}

TEST_F(connections, handshake_has_its_time) {
    auto& net = server().open();
    net.keep_window(65536);
    host_.advance(seconds(9));
    EXPECT_FALSE(net.stopped());
    host_.advance(seconds(2));
    EXPECT_TRUE(net.closed() || net.stopped());
    EXPECT_TRUE(host_.emitted("binding.tls.handshake.timeout"));
    host_.finish();
}

class first_byte : public connections {
protected:
    // The default leads to 6.
    testing::subject& mixed(const char* rest = R"(, {"exit": 6})") {
        return host_.run(
            weft_plugin_1,
            std::string(R"({"kind": "server", "vault": "test:v", "options": {"keys": ["k"]},
                "routes": [{"when": [{"authority": "known"}], "exit": 3},
                           {"when": [{"protocol": "http"}], "exit": 4},
                           {"when": [{"protocol": "mqtt"}], "exit": 5})") +
                rest + "]}");
    }
};

TEST_F(first_byte, decides_and_is_still_there) {
    auto& s = mixed();
    const std::pair<std::string, uint64_t> all[] = {
        {"GET / HTTP/1.1", 4}, {"\x10\x0c", 5}, {"?", 6}};
    for (const auto& [said, exit] : all) {
        other_end far(false, nullptr, ca_);
        auto& net = shake_hands(s, far);
        EXPECT_EQ(host_.waiting(), 0u) << "it has said nothing";
        far.say(said);
        exchange(net, far, 1);
        auto& app = host_.accepted();
        EXPECT_EQ(app.exit(), exit) << said;
        app.begin();
        app.keep_window(1000);
        EXPECT_EQ(app.take_data(), said);
        net.abort();
    }
    EXPECT_EQ(s.timers(), 0u);
    host_.finish();
}

TEST_F(first_byte, is_not_waited_for_where_the_route_is_known) {
    auto& s = mixed();
    other_end far(false, nullptr, ca_);
    SSL_set_tlsext_host_name(far.ssl(), "known");
    shake_hands(s, far).abort();
    EXPECT_EQ(host_.accepted().exit(), 3u);
    host_.finish();
}

TEST_F(first_byte, has_its_time) {
    auto& s = mixed();
    other_end far(false, nullptr, ca_);
    auto& net = shake_hands(s, far);
    host_.advance(seconds(9));
    EXPECT_FALSE(net.stopped());
    host_.advance(seconds(2));
    EXPECT_TRUE(net.closed() || net.stopped());
    EXPECT_TRUE(host_.emitted("binding.tls.route.refused"));
    EXPECT_EQ(s.timers(), 0u);
    host_.finish();
}

TEST_F(first_byte, of_one_that_leaves_never_comes) {
    auto& s = mixed();
    {
        other_end far(false, nullptr, ca_);
        auto& net = shake_hands(s, far);
        far.close();
        exchange(net, far);
        EXPECT_EQ(far.hear(), "");
        EXPECT_TRUE(far.peer_closed());
        EXPECT_TRUE(net.stopped());
    }
    {
        other_end far(false, nullptr, ca_);
        auto& net = shake_hands(s, far);
        net.end();
        EXPECT_TRUE(net.closed());
    }
    EXPECT_EQ(host_.waiting(), 0u);
    EXPECT_EQ(s.timers(), 0u);
    host_.finish();
}

TEST_F(first_byte, that_no_route_takes_is_told) {
    auto& s = mixed("");
    other_end far(false, nullptr, ca_);
    auto& net = shake_hands(s, far);
    far.say("?");
    exchange(net, far);
    EXPECT_TRUE(net.stopped());
    EXPECT_TRUE(host_.emitted("binding.tls.route.refused"));
    host_.finish();
}

TEST_F(connections, peer_that_never_closes_is_left) {
    other_end far(false, nullptr, ca_);
    auto& net = shake_hands(server(), far);
    auto& app = host_.accepted();
    app.begin();
    app.keep_window(1000);
    app.end();
    EXPECT_TRUE(net.saw(WEFT_END));
    EXPECT_FALSE(net.stopped());
    host_.advance(seconds(4));
    EXPECT_TRUE(net.closed());
    host_.finish();
}

TEST_F(connections, handshakes_have_a_limit) {
    auto& s = host_.run(weft_plugin_1,
                        R"({"kind": "server", "vault": "test:v", "options": {"keys": ["k"]},
                                           "properties": {"zilla.binding.tls.handshakes.max": "2"}})");
    s.open();
    auto& second = s.open();
    EXPECT_TRUE(s.open().saw(WEFT_RESET));
    EXPECT_TRUE(host_.emitted("binding.tls.handshakes.refused"));
    second.abort();
    EXPECT_FALSE(s.open().saw(WEFT_RESET)) << "there is room again";
    host_.finish();
}

TEST_F(connections, renewed_vault_is_for_what_is_new) {
    auto& s = server();
    other_end far(false, nullptr, ca_);
    auto& before = shake_hands(s, far);
    auto& app = host_.accepted();
    app.begin();
    const auto next = signed_by(ca_, "next.example");
    host_.renew_vault("test:v",
                      {entry(WEFT_VAULT_KEY, "k", next), entry(WEFT_VAULT_TRUST, "ca", ca_)});
    app.send("still here");
    exchange(before, far);
    EXPECT_EQ(far.hear(), "still here");
    other_end later(false, nullptr, ca_);
    shake_hands(s, later);
    const cert_ptr shown(SSL_get1_peer_certificate(later.ssl()));
    ASSERT_TRUE(shown);
    EXPECT_EQ(X509_cmp(shown.get(), next.cert.get()), 0);
    EXPECT_THROW(host_.renew_vault("test:v", {entry(WEFT_VAULT_TRUST, "ca", ca_)}),
                 testing::refused);
    host_.finish();
}

TEST_F(connections, client_answers_when_the_handshake_is_done) {
    auto& app = client().open();
    auto& net = host_.accepted();
    net.keep_window(65536);
    net.begin();
    other_end far(true, &own_, ca_);
    EXPECT_FALSE(app.saw(WEFT_BEGIN));
    exchange(net, far);
    EXPECT_TRUE(app.saw(WEFT_BEGIN));
    EXPECT_STREQ(SSL_get_servername(far.ssl(), TLSEXT_NAMETYPE_host_name), "one.example");
    app.keep_window(65536);
    app.send("request");
    exchange(net, far);
    EXPECT_EQ(far.hear(), "request");
    far.say("reply");
    exchange(net, far);
    EXPECT_EQ(app.take_data(), "reply");
    host_.finish();
}

TEST_F(connections, client_resumes) {
    auto& c = client();
    other_end first(true, &own_, ca_);
    for (int round = 0; round < 2; ++round) {
        auto& app = c.open();
        auto& net = host_.accepted();
        net.keep_window(65536);
        net.begin();
        other_end far(first);
        exchange(net, far);
        app.keep_window(1000);
        far.say("x");  // with it come the tickets
        exchange(net, far);
        EXPECT_EQ(app.take_data(), "x");
        EXPECT_EQ(c.metric("tls.handshakes.resumed"), static_cast<uint64_t>(round));
        far.close();
        exchange(net, far);
        app.end();
        if (!net.closed()) net.end();
    }
    host_.finish();
}

TEST_F(connections, client_says_why) {
    auto& app = client(R"({"trust": ["ca"], "sni": ["two.example"]})").open();
    auto& net = host_.accepted();
    net.keep_window(65536);
    net.begin();
    other_end far(true, &own_, ca_);
    exchange(net, far);
    const auto reset = app.expect(WEFT_RESET);
    const auto why = reset.as<weft_tcp_reset>();
    ASSERT_TRUE(why);
    EXPECT_THAT(std::string(why.text(why->text)), ::testing::HasSubstr("hostname mismatch"));
    EXPECT_TRUE(host_.emitted("binding.tls.peer.not.verified"));
    host_.finish();
}

TEST_F(connections, refusal_from_below_is_passed_on) {
    auto& app = client().open();
    auto& net = host_.accepted();
    meta_writer<weft_tcp_reset> m;
    m->error = ECONNREFUSED;
    m->text = m.text("connect: refused");
    net.reset(m.get());
    const auto reset = app.expect(WEFT_RESET);
    const auto why = reset.as<weft_tcp_reset>();
    ASSERT_TRUE(why);
    EXPECT_EQ(why->error, ECONNREFUSED);
    host_.finish();
}

TEST_F(connections, proxy_reads_the_name_and_passes_on) {
    auto& p = host_.run(weft_plugin_1, R"({"kind": "proxy", "routes": [
        {"when": [{"authority": "two.*"}], "exit": 2}, {"when": [{"authority": "one.*"}], "exit": 1}]})");
    other_end far(false, nullptr, ca_);
    SSL_set_tlsext_host_name(far.ssl(), "one.example");
    far.shake();
    const auto hello = far.take(65536);
    auto& net = p.open();
    for (const char c : hello) net.send(std::string_view(&c, 1));
    auto& out = host_.accepted(1);
    const auto m = out.opened_with().as<weft_tcp_begin>();
    ASSERT_TRUE(m);
    EXPECT_EQ(m.text(m->remote_host), "one.example");
    out.keep_window(65536);
    EXPECT_EQ(out.take_data(), hello);
    out.begin();
    net.keep_window(100);
    out.send("back");
    EXPECT_EQ(net.take_data(), "back");
    auto& other = p.open();
    other.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(other.saw(WEFT_RESET));
    EXPECT_TRUE(host_.emitted("binding.tls.protocol.rejected"));
    host_.finish();
}

TEST_F(connections, drain_lets_them_go_on) {
    auto& s = server();
    other_end far(false, nullptr, ca_);
    auto& net = shake_hands(s, far);
    auto& app = host_.accepted();
    app.begin();
    app.keep_window(1000);
    s.drain(WEFT_DRAIN_REPLACE);
    far.say("on");
    exchange(net, far);
    EXPECT_EQ(app.take_data(), "on");
    s.drain(WEFT_DRAIN_STOP);
    EXPECT_TRUE(app.saw(WEFT_END));
    app.send("farewell");
    app.end();
    exchange(net, far);
    EXPECT_EQ(far.hear(), "farewell");
    EXPECT_TRUE(net.closed());
    host_.finish();
}

TEST_F(connections, guard_is_asked_about_the_certificate) {
    const auto device = signed_by(ca_, "device-1");
    host_.guard("test:g", [](const weft_guard_request& q) {
        const bool pem = text_of(q.credentials).starts_with("-----BEGIN CERTIFICATE-----");
        return pem ? testing::verdict{identified{"device-1", "", {"device"}, {}}, ""}
                   : testing::verdict{std::nullopt, "no"};
    });
    auto& s = server(R"({"keys": ["k"], "trust": ["ca"],
        "authorization": {"g": {"credentials": {"certificates": "pem"}}}})");
    auto& net = s.open();
    net.keep_window(65536);
    other_end far(false, &device, ca_);
    exchange(net, far);
    auto& app = host_.accepted();
    EXPECT_NE(app.opened_with().auth, 0u);
    const auto begun = app.opened_with().as<weft_tls_begin>();
    ASSERT_TRUE(begun);
    EXPECT_EQ(begun.text(begun->peer_name), "device-1");
    EXPECT_EQ(host_.sessions(), 1u);
    app.abort();
    EXPECT_EQ(host_.sessions(), 0u) << "its reference is given back";
    host_.finish();
}

}  // namespace
}  // namespace weft::tls
