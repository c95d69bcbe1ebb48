// The client kind, towards a server that the test plays.
#include "support.hpp"

#include "handshake.hpp"

#include <gmock/gmock.h>

#include <chrono>

namespace weft::ws::tests {
namespace {

using ::testing::HasSubstr;

class client : public ::testing::Test {
protected:
    testing::subject& make(
        const std::string& options = R"({"defaults": {"protocol": "mqtt", "path": "/mqtt"}})") {
        return host.run(weft_plugin_1, R"({"kind": "client", "options": )" + options + "}");
    }
    static std::string key_in(const std::string& sent) {
        const std::string name = "Sec-WebSocket-Key: ";
        const size_t at = sent.find(name) + name.size();
        return sent.substr(at, sent.find("\r\n", at) - at);
    }
    static std::string reply_to(const std::string& sent,
                                const std::string& more = "Sec-WebSocket-Protocol: mqtt\r\n") {
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: " +
               accept_of(key_in(sent)) + "\r\n" + more + "\r\n";
    }
    testing::host host;
};

TEST_F(client, asks_and_speaks) {
    auto& app = make().open();
    app.keep_window(65536);
    auto& net = host.accepted();
    app.expect_nothing();
    net.begin();
    net.keep_window(65536);
    const auto sent = net.take_data();
    EXPECT_THAT(sent, HasSubstr("GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"));
    EXPECT_THAT(sent, HasSubstr("Sec-WebSocket-Protocol: mqtt\r\n"));
    net.send(reply_to(sent) + frame(op_binary, "early", {true, false, false}));
    app.expect(WEFT_BEGIN);
    EXPECT_EQ(app.expect_data(), "early");
    std::string big(70'000, 'x');
    for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i);
    std::string got;
    for (size_t at = 0; at < big.size();) {
        const size_t n = std::min<size_t>(app.credit() - app.padding(), big.size() - at);
        app.send(big.substr(at, n));
        at += n;
        for (const auto& f : frames(net.take_data())) {
            EXPECT_TRUE(f.masked);
            got += f.payload;
        }
    }
    EXPECT_EQ(got, big);
    net.send(frame(op_ping, "?", {true, false, false}));
    const auto pong = only(net.take_data());
    EXPECT_EQ(pong.payload, "?");
    EXPECT_TRUE(pong.masked);
    app.end();
    EXPECT_EQ(only(net.take_data()).code(), 1000);
    net.send(close_frame(1000, {}, false));
    EXPECT_TRUE(net.saw(WEFT_END) && app.saw(WEFT_END));
    host.finish();
}

TEST_F(client, masks_are_never_the_same) {
    auto& s = make();
    std::set<std::string> keys;
    for (int i = 0; i < 50; ++i) {
        s.open();
        auto& net = host.accepted();
        net.begin();
        net.keep_window(1000);
        keys.insert(key_in(net.take_data()));
    }
    EXPECT_EQ(keys.size(), 50u);
    host.finish();
}

TEST_F(client, opener_says_where_to) {
    meta_writer<weft_ws_begin> m;
    const auto host_ref = m.text("broker.example"), path = m.text("/x?y"),
               authority = m.text("broker.example:80"), protocol = m.text("amqp");
    m->remote_host = host_ref;
    m->remote_port = 8080;
    m->path = path;
    m->authority = authority;
    m->protocol = protocol;
    make().open(m.get());
    auto& net = host.accepted();
    const auto to = net.opened_with().as<weft_tcp_begin>();
    ASSERT_TRUE(to);
    EXPECT_EQ(to.text(to->remote_host), "broker.example");
    EXPECT_EQ(to->remote_port, 8080);
    net.begin();
    net.keep_window(1000);
    const auto sent = net.take_data();
    EXPECT_THAT(sent, HasSubstr("GET /x?y HTTP/1.1\r\nHost: broker.example:80\r\n"));
    EXPECT_THAT(sent, HasSubstr("Sec-WebSocket-Protocol: amqp\r\n"));
    host.finish();
}

TEST_F(client, what_is_no_answer) {
    auto& s = make();
    const std::string protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    const auto refused = [&](const std::function<std::string(std::string)>& answer) {
        auto& app = s.open();
        auto& net = host.accepted();
        net.begin();
        net.keep_window(1000);
        net.send(answer(net.take_data()));
        EXPECT_TRUE(net.saw(WEFT_END));
        const auto f = app.expect(WEFT_RESET);
        const auto why = f.as<weft_tcp_reset>();
        EXPECT_TRUE(why);
        return std::string(why.text(why->text));
    };
    EXPECT_THAT(refused([](auto) { return "HTTP/1.1 404 Not Found\r\n\r\n"; }),
                HasSubstr("answered 404"));
    EXPECT_THAT(refused([](auto) { return "SSH-2.0-OpenSSH\r\n\r\n"; }), HasSubstr("not HTTP"));
    EXPECT_THAT(refused([&](auto sent) {
                    auto a = reply_to(sent);
                    return a.replace(a.find("Accept: ") + 8, 4, "AAAA");
                }),
                HasSubstr("does not answer the key"));
    EXPECT_THAT(refused([&](auto sent) { return reply_to(sent, ""); }),
                HasSubstr("does not speak mqtt"));
    EXPECT_THAT(refused([&](auto sent) { return reply_to(sent, "Sec-WebSocket-Protocol: x\r\n"); }),
                HasSubstr("chose the protocol x"));
    EXPECT_THAT(refused([&](auto sent) {
                    return reply_to(sent,
                                    protocol + "Sec-WebSocket-Extensions: permessage-deflate\r\n");
                }),
                HasSubstr("not offered"));
    EXPECT_THAT(refused([](auto) { return std::string(16 * 1024, 'x'); }), HasSubstr("no end"));
    EXPECT_TRUE(host.emitted("binding.ws.handshake.failed"));
    host.finish();
}

TEST_F(client, server_that_says_nothing) {
    auto& app = make().open();
    auto& net = host.accepted();
    net.begin();
    net.keep_window(1000);
    host.advance(std::chrono::seconds(11));
    app.expect(WEFT_RESET);
    EXPECT_TRUE(net.saw(WEFT_END));
    host.finish();
}

TEST_F(client, exit_that_is_not_there) {
    host.refuse_exit(testing::exit_id);
    auto& app = make().open();
    app.expect(WEFT_RESET);
    EXPECT_FALSE(app.may_send());
    host.finish();
}

TEST_F(client, frames_of_a_server_are_not_masked) {
    auto& app = make().open();
    app.keep_window(1000);
    auto& net = host.accepted();
    net.begin();
    net.keep_window(65536);
    net.send(reply_to(net.take_data()));
    net.send(frame(op_binary, "masked"));
    EXPECT_EQ(only(net.take_data()).code(), 1002);
    EXPECT_TRUE(app.saw(WEFT_ABORT));
    host.finish();
}

// A client of ours and a server of ours, one behind the other.
TEST_F(client, speaks_with_the_server_kind_compressed) {
    auto& s = host.run(
        weft_plugin_1,
        R"({"kind": "server", "name": "s", "options": {"compression": {"threshold": 0}}})");
    auto& c = make(
        R"({"defaults": {"protocol": "mqtt"}, "compression": {"threshold": 0, "window-bits": 10,
                      "peer-window-bits": 11, "peer-context-takeover": false}})");
    auto &app = c.open(), &far = s.open();
    auto& net = host.accepted();
    net.begin();
    app.keep_window(65536);
    net.keep_window(65536);
    far.keep_window(65536);
    peer* served = nullptr;
    std::string heard, said;
    const auto exchange = [&] {
        for (int i = 0; i < 6; ++i) {
            if (const auto up = net.take_data(); !up.empty()) far.send(up);
            if (!served && host.waiting()) {
                served = &host.accepted();
                served->begin();
                served->keep_window(65536);
            }
            if (const auto down = far.take_data(); !down.empty()) net.send(down);
        }
        if (served) heard += served->take_data();
        said += app.take_data();
    };
    exchange();
    ASSERT_TRUE(served);
    std::string all;
    for (int i = 0; i < 20; ++i) {
        const auto text = "reading number " + std::to_string(i);
        all += text;
        app.send(text);
        served->send(text);
        exchange();
    }
    EXPECT_EQ(heard, all);
    EXPECT_EQ(said, all);
    host.finish();
}

}  // namespace
}  // namespace weft::ws::tests
