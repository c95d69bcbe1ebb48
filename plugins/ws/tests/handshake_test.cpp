// Requests for an upgrade, directly behind tcp and behind an http server.
#include "support.hpp"

#include <gmock/gmock.h>

#include <chrono>

namespace weft::ws::tests {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class handshake : public server_fixture {
protected:
    // The answer to this request, and the end of its connection.
    std::string refused(const std::string& text, const std::string& options = "{}",
                        const std::string& more = R"("properties": {})") {
        auto& net = server(options, more).open();
        net.keep_window(65536);
        net.send(text);
        EXPECT_EQ(host.waiting(), 0u);
        EXPECT_TRUE(net.saw(WEFT_END) && net.closed() == net.ended());
        return net.take_data();
    }
    static std::string without(std::string line) {
        auto text = request();
        const size_t at = text.find(line);
        return text.erase(at, text.find("\r\n", at) + 2 - at);
    }
};

TEST_F(handshake, answer_of_the_standard_s_example) {
    auto c = connected(server(), "mqtt");
    EXPECT_EQ(answer,
              "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
              "sec-websocket-accept: " +
                  accept + "\r\nsec-websocket-protocol: mqtt\r\nconnection: upgrade\r\n\r\n");
    const auto m = c.app.opened_with().as<weft_ws_begin>();
    ASSERT_TRUE(m);
    EXPECT_EQ(m.text(m->protocol), "mqtt");
    EXPECT_EQ(m.text(m->scheme), "http");
    EXPECT_EQ(m.text(m->authority), "localhost:7114");
    EXPECT_EQ(m.text(m->path), "/mqtt");
    host.finish();
}

TEST_F(handshake, byte_by_byte_and_with_frames_behind_it) {
    auto& net = server().open();
    net.keep_window(65536);
    for (const char c : request("chat") + frame(op_binary, "early")) net.send(std::string(1, c));
    auto& app = host.accepted();
    EXPECT_EQ(net.take_data(), "") << "nothing before the exit has taken it";
    app.begin();
    EXPECT_THAT(net.take_data(), StartsWith("HTTP/1.1 101 "));
    app.keep_window(100);
    EXPECT_EQ(app.take_data(), "early");
    host.finish();
}

TEST_F(handshake, what_is_refused_and_how) {
    EXPECT_THAT(refused(without("Upgrade: WebSocket")), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                HasSubstr("this is a WebSocket endpoint"));
    EXPECT_THAT(refused("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("connection: close"));
    EXPECT_THAT(refused(without("Connection: keep")), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused(without("Sec-WebSocket-Key")), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused(without("Sec-WebSocket-Version")), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused(without("Host")), StartsWith("HTTP/1.1 400 "));
    auto old = request();
    old.replace(old.find(": 13"), 4, ": 8");
    EXPECT_THAT(refused(old), StartsWith("HTTP/1.1 426 "));
    EXPECT_THAT(refused(old), HasSubstr("sec-websocket-version: 13\r\n"));
    auto key_short = request();
    key_short.replace(key_short.find(key), key.size(), "c2hvcnQ=");
    EXPECT_THAT(refused(key_short), StartsWith("HTTP/1.1 400 "));
    auto other = request();
    other.replace(other.find("WebSocket"), 9, "h2c");
    EXPECT_THAT(refused(other), StartsWith("HTTP/1.1 400 "));
    auto post = request();
    post.replace(0, 3, "POST");
    EXPECT_THAT(refused(post), StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(refused(post), HasSubstr("allow: GET"));
    auto older = request();
    older.replace(older.find("HTTP/1.1"), 8, "HTTP/1.0");
    EXPECT_THAT(refused(older), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused(request("mqtt", "Content-Length: 1\r\n") + "x"),
                StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused(request("a b,,\x01")), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused(request("mqtt, mqtt")), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused("\x10\x0c\x00\x04MQTT\x04"), HasSubstr("this is not HTTP"));
    EXPECT_THAT(refused("GET /" + std::string(9000, 'x')), StartsWith("HTTP/1.1 414 "));
    EXPECT_EQ(refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "");
    std::string many = request();
    many.insert(many.size() - 2, "X: " + std::string(40'000, 'x'));
    EXPECT_THAT(refused(many.substr(0, 32 * 1024)), StartsWith("HTTP/1.1 431 "));
    EXPECT_TRUE(host.emitted("binding.ws.handshake.refused"));
    host.finish();
}

TEST_F(handshake, protocols_by_the_order_of_the_routes) {
    const char* routes = R"("routes": [
        {"when": [{"protocol": "mqtt", "authority": "LOCALHOST:*", "path": "/mqtt"}], "exit": 1},
        {"when": [{"protocol": "mqttv3*"}, {"protocol": "amqp"}], "exit": 2},
        {"when": [{"path": "/open", "scheme": "http"}], "exit": 3}])";
    auto& s = server("{}", routes);
    const auto ask = [&](const std::string& protocols, uint64_t exit,
                         const std::string& path = "/mqtt") {
        auto text = request(protocols);
        text.replace(text.find("/mqtt"), 5, path);
        auto& net = s.open();
        net.keep_window(65536);
        net.send(text);
        if (exit == 0) return net.take_data().substr(9, 3);
        auto& app = host.accepted(exit);
        app.begin();
        const auto got = net.take_data();
        const std::string name = "sec-websocket-protocol: ";
        const size_t at = got.find(name);
        return at == std::string::npos
                   ? std::string("none")
                   : got.substr(at + name.size(), got.find("\r\n", at) - at - name.size());
    };
    EXPECT_EQ(ask("amqp, mqttv3.1, mqtt", 1), "mqtt") << "not the client's order";
    EXPECT_EQ(ask("amqp, mqttv3.1", 2), "mqttv3.1") << "the first item of the route";
    EXPECT_EQ(ask("mqtt", 1, "/mqtt?token=1"), "mqtt");
    EXPECT_EQ(ask("mqtt", 0, "/other"), "404");
    EXPECT_EQ(ask("", 0), "404") << "a route with a protocol is not for clients without";
    EXPECT_EQ(ask("MQTT", 0), "404");
    EXPECT_EQ(ask("x, y", 3, "/open"), "x");
    EXPECT_EQ(ask("", 3, "/open"), "none");
    host.finish();
}

TEST_F(handshake, origins) {
    const char* options = R"({"origins": ["https://*.example.com", "null"]})";
    const auto with = [](const std::string& origin) {
        return request("mqtt", "Origin: " + origin + "\r\n");
    };
    EXPECT_THAT(refused(with("https://evil.org"), options), StartsWith("HTTP/1.1 403 "));
    auto& s = server(options);
    connected(s, "mqtt", 0, "Origin: https://shop.example.com\r\n");
    connected(s, "mqtt", 0, "Origin: null\r\n");
    connected(s, "mqtt", 0);
    host.finish();
}

TEST_F(handshake, exit_that_refuses) {
    host.refuse_exit(testing::exit_id);
    EXPECT_THAT(refused(request()), StartsWith("HTTP/1.1 404 "));
    host.refuse_exit(testing::exit_id, false);
    auto& net = server().open();
    net.keep_window(65536);
    net.send(request());
    host.accepted().reset();
    EXPECT_THAT(net.take_data(), HasSubstr("the route's exit refused"));
    EXPECT_TRUE(net.saw(WEFT_END));
    host.finish();
}

TEST_F(handshake, takes_too_long) {
    auto& s = server();
    auto &silent = s.open(), &slow = s.open(), &unanswered = s.open();
    for (auto* p : {&silent, &slow, &unanswered}) p->keep_window(65536);
    slow.send("GET / HTT");
    unanswered.send(request());
    auto& app = host.accepted();
    host.advance(seconds(11));
    EXPECT_EQ(silent.take_data(), "");
    EXPECT_TRUE(silent.saw(WEFT_END));
    EXPECT_THAT(slow.take_data(), StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(unanswered.take_data(), StartsWith("HTTP/1.1 408 "));
    EXPECT_TRUE(app.saw(WEFT_ABORT));
    EXPECT_TRUE(host.emitted("binding.ws.handshake.timeout"));
    EXPECT_EQ(host.timers(), 0u);
    host.finish();
}

// ---- behind http ----

class behind_http : public server_fixture {
protected:
    const weft_meta* head(std::vector<std::pair<std::string, std::string>> more = {},
                          const std::string& version = "13") {
        writer.clear();
        std::vector<std::pair<std::string, std::string>> all{{":method", "GET"},
                                                             {":scheme", "https"},
                                                             {":authority", "example.com"},
                                                             {":path", "/mqtt"},
                                                             {"upgrade", "websocket"},
                                                             {"connection", "Upgrade"},
                                                             {"sec-websocket-version", version},
                                                             {"sec-websocket-key", key}};
        all.insert(all.end(), more.begin(), more.end());
        const auto list = writer.list_of_pairs(all);
        writer->headers = list;
        origin o;
        o.remote_host = "10.0.0.7";
        o.remote_port = 4711;
        o.tls_version = "TLSv1.3";
        o.tls_peer_name = "device-1";
        write_origin(writer, o);
        return writer.get();
    }
    static std::string status(const testing::frame& f) {
        const auto m = f.as<weft_http_begin>();
        for (const auto& p : m.list<weft_pair>(m->headers))
            if (m.text(p.name) == ":status") return std::string(m.text(p.value));
        return "none";
    }
    meta_writer<weft_http_begin> writer;
};

TEST_F(behind_http, answers_by_metadata_and_passes_on_who_it_is) {
    auto& http = server().open(head({{"sec-websocket-protocol", "mqtt"}}));
    http.keep_window(65536);
    auto& app = host.accepted();
    const auto from = origin_of(app.opened_with().meta());
    EXPECT_EQ(from.peer(), "10.0.0.7:4711");
    EXPECT_EQ(from.tls_peer_name, "device-1");
    app.begin();
    const auto begun = http.expect(WEFT_BEGIN);
    EXPECT_EQ(status(begun), "101");
    const auto m = begun.as<weft_http_begin>();
    std::string all;
    for (const auto& p : m.list<weft_pair>(m->headers))
        all += std::string(m.text(p.name)) + "=" + std::string(m.text(p.value)) + ";";
    EXPECT_EQ(all, ":status=101;upgrade=websocket;sec-websocket-accept=" + accept +
                       ";sec-websocket-protocol=mqtt;");
    app.keep_window(100);
    http.send(frame(op_binary, "up"));
    EXPECT_EQ(app.take_data(), "up");
    app.send("down");
    EXPECT_EQ(only(http.take_data()).payload, "down");
    app.end();
    EXPECT_EQ(only(http.take_data()).code(), 1000);
    http.send(close_frame(1000));
    EXPECT_TRUE(http.saw(WEFT_END));
    host.finish();
}

TEST_F(behind_http, refusals_have_a_body) {
    auto& http = server().open(head({}, "12"));
    EXPECT_EQ(status(http.expect(WEFT_BEGIN)), "426");
    http.keep_window(1000);
    EXPECT_THAT(http.take_data(), HasSubstr("only version 13"));
    EXPECT_TRUE(http.saw(WEFT_END));
    auto& none = host.run(weft_plugin_1, R"({"kind": "server", "routes": [
        {"when": [{"protocol": "mqtt"}], "exit": 1}]})")
                     .open(head());
    EXPECT_EQ(status(none.expect(WEFT_BEGIN)), "404");
    host.finish();
}

TEST_F(behind_http, what_the_configuration_refuses) {
    EXPECT_THROW(server(R"({"limits": {"message": 10, "frame": 11}})"), testing::refused);
    EXPECT_THROW(server("{}", R"("properties": {"zilla.binding.ws.close.timeout.ms": "0"})"),
                 testing::refused);
    host.finish();
}

}  // namespace
}  // namespace weft::ws::tests
