// Connections of a server between a scripted client and a scripted application.
#include "deflate.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <chrono>

namespace weft::ws::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class connection : public server_fixture {};

TEST_F(connection, messages_both_ways) {
    auto c = connected(server());
    c.net.send(frame(op_binary, "one") + frame(op_text, "two"));
    const auto one = c.app.expect(WEFT_DATA), two = c.app.expect(WEFT_DATA);
    EXPECT_EQ(one.payload + two.payload, "onetwo");
    EXPECT_EQ(one.flags, WEFT_INIT | WEFT_FIN);
    EXPECT_FALSE(one.as<weft_ws_data>()) << "binary goes without saying";
    ASSERT_TRUE(two.as<weft_ws_data>());
    EXPECT_EQ(two.as<weft_ws_data>()->opcode, 1u);
    c.app.send("answer");
    const auto f = only(c.net.take_data());
    EXPECT_EQ(f.payload, "answer");
    EXPECT_EQ(f.op, op_binary);
    EXPECT_FALSE(f.masked);
    meta_writer<weft_ws_data> text;
    text->opcode = 1;
    c.app.send("in ", text.get(), WEFT_INIT);
    c.app.send("three", nullptr, 0);
    c.app.send(" parts", nullptr, WEFT_FIN);
    const auto parts = frames(c.net.take_data());
    ASSERT_EQ(parts.size(), 3u);
    EXPECT_EQ(parts[0].op, op_text);
    EXPECT_FALSE(parts[0].fin || parts[1].fin);
    EXPECT_EQ(parts[1].op, op_continuation);
    EXPECT_TRUE(parts[2].fin);
    host.finish();
}

TEST_F(connection, fragments_are_one_message) {
    auto c = connected(server());
    c.net.send(frame(op_binary, "a", {false}));
    c.net.send(frame(op_ping, "p"));
    c.net.send(frame(op_continuation, "b", {false}));
    c.net.send(frame(op_continuation, ""));
    const auto pong = only(c.net.take_data());
    EXPECT_EQ(pong.op, op_pong);
    EXPECT_EQ(pong.payload, "p");
    std::vector<int> flags;
    std::string all;
    while (c.app.saw(WEFT_DATA)) {
        const auto f = c.app.expect(WEFT_DATA);
        all += f.payload;
        flags.push_back(f.flags);
    }
    EXPECT_EQ(all, "ab");
    EXPECT_EQ(flags, (std::vector<int>{WEFT_INIT, 0, WEFT_FIN}));
    host.finish();
}

TEST_F(connection, empty_messages) {
    auto c = connected(server());
    c.net.send(frame(op_text, ""));
    const auto f = c.app.expect(WEFT_DATA);
    EXPECT_EQ(f.flags, WEFT_INIT | WEFT_FIN);
    EXPECT_EQ(f.payload, "");
    c.app.send("");
    EXPECT_EQ(only(c.net.take_data()).payload, "");
    host.finish();
}

// [MQTT-6.0.0-1] [MQTT-6.0.0-2]
TEST_F(connection, of_mqtt_is_a_stream_of_bytes_in_binary_frames) {
    auto c = connected(server(), "mqtt");
    c.net.send(frame(op_binary, "pa", {false}) + frame(op_continuation, "cked") +
               frame(op_binary, "") + frame(op_binary, "together"));
    EXPECT_EQ(c.app.expect_data(), "packedtogether") << "as one";
    c.app.expect_nothing();
    c.net.send(frame(op_binary, "last") + frame(op_text, "no"));
    EXPECT_EQ(c.app.expect_data(), "last");
    EXPECT_TRUE(c.app.saw(WEFT_ABORT));
    expect_close(c.net, 1003);
    EXPECT_TRUE(host.emitted("binding.ws.message.rejected"));
    host.finish();
}

TEST_F(connection, what_breaks_the_rules_is_closed) {
    struct broken {
        std::string in;
        int code;
    };
    const broken cases[] = {{frame(op_binary, "x", {true, false, false}), 1002},
                            {frame(7, "x"), 1002},
                            {frame(op_text, "\xff"), 1007},
                            {frame(op_binary, std::string(1001, 'x')), 1009},
                            {frame(op_close, "x"), 1002},
                            {close_frame(1005), 1002},
                            {close_frame(1000, "\xff"), 1007}};
    auto& s = server(R"({"limits": {"message": 1000}})");
    for (const auto& b : cases) {
        auto c = connected(s);
        c.net.send(frame(op_binary, "before") + b.in);
        EXPECT_EQ(c.app.expect_data(), "before");
        const auto end = c.app.expect(WEFT_ABORT);
        ASSERT_TRUE(end.as<weft_ws_end>());
        EXPECT_EQ(end.as<weft_ws_end>()->code, b.code);
        expect_close(c.net, b.code);
        EXPECT_TRUE(c.net.closed() && c.app.closed());
    }
    EXPECT_TRUE(host.emitted("binding.ws.protocol.rejected"));
    EXPECT_EQ(s.metric("ws.failed"), std::size(cases));
    host.finish();
}

TEST_F(connection, closed_by_the_peer) {
    auto& s = server();
    for (const int code : {1000, 1001, 3000}) {
        auto c = connected(s);
        c.net.send(close_frame(code, "bye"));
        expect_close(c.net, code);
        const auto end = c.app.expect(WEFT_END);
        const auto how = end.as<weft_ws_end>();
        EXPECT_EQ(how->code, code);
        EXPECT_EQ(how.text(how->reason), "bye");
        EXPECT_TRUE(c.app.closed() && c.net.ended());
    }
    auto c = connected(s);
    c.net.send(frame(op_close, ""));
    EXPECT_EQ(only(c.net.take_data()).payload, "");
    EXPECT_EQ(c.app.expect(WEFT_END).as<weft_ws_end>()->code, 1005);
    host.finish();
}

TEST_F(connection, closed_by_the_application) {
    auto c = connected(server());
    c.app.send("last words");
    c.app.end();
    const auto all = frames(c.net.take_data());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1].code(), 1000);
    EXPECT_FALSE(c.net.saw(WEFT_END)) << "the peer's Close is awaited";
    c.net.send(frame(op_binary, "crossing"));
    EXPECT_EQ(c.app.take_data(), "crossing");
    c.net.send(close_frame(1000));
    EXPECT_TRUE(c.net.saw(WEFT_END));
    EXPECT_TRUE(c.app.saw(WEFT_END));
    EXPECT_EQ(host.timers(), 0u);
    host.finish();
}

TEST_F(connection, peer_that_does_not_answer_a_close) {
    auto c = connected(server());
    c.app.end();
    host.advance(milliseconds(2900));
    EXPECT_FALSE(c.net.saw(WEFT_ABORT));
    host.advance(milliseconds(200));
    EXPECT_TRUE(c.net.saw(WEFT_ABORT));
    EXPECT_EQ(host.timers(), 0u);
    host.finish();
}

TEST_F(connection, application_that_breaks) {
    auto& s = server();
    auto c = connected(s);
    c.app.abort();
    expect_close(c.net, 1011);
    auto d = connected(s);
    d.app.send("half", nullptr, WEFT_INIT);
    d.app.abort();
    const auto all = frames(d.net.take_data());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_FALSE(all[0].fin);
    EXPECT_EQ(all[1].code(), 1011);
    host.finish();
}

TEST_F(connection, application_that_reads_no_more_still_speaks) {
    auto c = connected(server());
    c.app.reset();
    c.net.send(frame(op_binary, std::string(60'000, 'x')) + frame(op_ping, "?"));
    EXPECT_EQ(only(c.net.take_data()).op, op_pong);
    c.app.send("still");
    EXPECT_EQ(only(c.net.take_data()).payload, "still");
    c.app.end();
    EXPECT_EQ(only(c.net.take_data()).code(), 1000);
    c.net.send(close_frame(1000));
    EXPECT_TRUE(c.net.saw(WEFT_END));
    host.finish();
}

TEST_F(connection, cut_off) {
    auto& s = server();
    auto c = connected(s);
    c.net.send(frame(op_binary, "last"));
    c.net.end();
    EXPECT_EQ(c.app.expect_data(), "last");
    EXPECT_EQ(c.app.expect(WEFT_ABORT).as<weft_ws_end>()->code, 1006);
    auto d = connected(s);
    d.net.abort();
    EXPECT_TRUE(d.app.saw(WEFT_ABORT));
    auto e = connected(s, "chat", 0);
    e.net.send(frame(op_binary, "waits"));
    e.net.end();
    e.app.expect_nothing();
    e.app.window(100);
    EXPECT_EQ(e.app.expect_data(), "waits");
    e.app.expect(WEFT_ABORT);
    host.finish();
}

TEST_F(connection, pings_beyond_number_cost_one_answer) {
    auto& net = server().open();
    net.window(500);
    net.send(request("chat"));
    auto& app = host.accepted();
    app.begin();
    net.take_data();
    app.send(std::string(app.credit() - app.padding(), 'x'));  // more than goes out
    for (int i = 0; i < 1000; ++i) net.send(frame(op_ping, std::to_string(i)));
    net.keep_window(65536);
    std::string all = net.take_data();
    const auto got = frames(all);
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[1].payload, "999");
    host.finish();
}

TEST_F(connection, silent_peer_is_asked_and_given_up) {
    auto& s = server(R"({"ping": {"interval": 30, "timeout": 10}})");
    auto c = connected(s);
    host.advance(seconds(20));
    c.net.send(frame(op_pong, "unasked"));
    host.advance(seconds(20));
    EXPECT_EQ(c.net.take_data(), "");
    host.advance(seconds(11));
    EXPECT_EQ(only(c.net.take_data()).op, op_ping);
    c.net.send(frame(op_pong, ""));
    host.advance(seconds(31));
    EXPECT_EQ(only(c.net.take_data()).op, op_ping);
    EXPECT_FALSE(c.net.saw(WEFT_ABORT));
    host.advance(seconds(11));
    EXPECT_TRUE(c.net.saw(WEFT_ABORT) && c.app.saw(WEFT_ABORT));
    EXPECT_TRUE(host.emitted("binding.ws.peer.silent"));
    host.finish();
}

TEST_F(connection, a_peer_that_we_do_not_read_is_not_silent) {
    auto& s = server(R"({"ping": {"interval": 30, "timeout": 10}})");
    auto c = connected(s, "chat", 0);
    c.net.send(frame(op_binary, "waits for credit"));
    host.advance(seconds(200));
    EXPECT_FALSE(c.net.saw(WEFT_ABORT));
    host.finish();
}

TEST_F(connection, drained) {
    auto& s = server();
    auto c = connected(s);
    s.drain(WEFT_DRAIN_REPLACE, host.now_ns() + 5'000'000'000ull);
    c.net.send(frame(op_binary, "goes on"));
    EXPECT_EQ(c.app.expect_data(), "goes on");
    host.advance(seconds(5));
    const auto end = c.app.expect(WEFT_END);
    EXPECT_TRUE(end.as<weft_tcp_reset>()) << "our side gives up";
    c.app.send("goodbye of the application");
    c.app.end();
    const auto all = frames(c.net.take_data());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1].code(), 1001);
    c.net.send(close_frame(1001));
    EXPECT_TRUE(c.net.saw(WEFT_END));
    host.finish();
}

TEST_F(connection, drained_within_a_message) {
    auto& s = server();
    auto c = connected(s);
    c.net.send(frame(op_text, "half", {false}));
    EXPECT_EQ(c.app.expect(WEFT_DATA).flags, WEFT_INIT);
    s.drain(WEFT_DRAIN_STOP);
    EXPECT_EQ(c.app.expect(WEFT_DATA).flags, WEFT_FIN | WEFT_INCOMPLETE);
    c.app.expect(WEFT_END);
    c.app.end();
    EXPECT_EQ(only(c.net.take_data()).code(), 1001);
    host.finish();
}

TEST_F(connection, stopped_while_the_application_says_nothing) {
    auto& s = server();
    auto c = connected(s);
    auto& asking = s.open();
    asking.keep_window(1000);
    asking.send("GET / HTTP/1.1\r\n");
    s.drain(WEFT_DRAIN_STOP);
    EXPECT_THAT(asking.take_data(), HasSubstr("503"));
    host.advance(seconds(4));
    EXPECT_EQ(only(c.net.take_data()).code(), 1001);
    host.advance(seconds(4));
    EXPECT_TRUE(c.net.ended());
    host.finish();
}

TEST_F(connection, network_that_is_given_up_by_our_side) {
    auto c = connected(server());
    meta_writer<weft_tcp_reset> why;
    why->text = why.text("the tcp server is replaced");
    c.net.end(why.get());
    EXPECT_TRUE(c.app.expect(WEFT_END).as<weft_tcp_reset>());
    c.app.send("goodbye");
    c.app.end();
    const auto all = frames(c.net.take_data());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].payload, "goodbye");
    EXPECT_EQ(all[1].code(), 1001);
    host.finish();
}

TEST_F(connection, out_of_memory_ends_one_connection) {
    auto& s = server();
    auto c = connected(s), d = connected(s);
    host.out_of_memory();
    c.net.send(frame(op_binary, "x"));
    host.out_of_memory(false);
    EXPECT_TRUE(c.net.saw(WEFT_ABORT));
    d.net.send(frame(op_binary, "y"));
    EXPECT_EQ(d.app.expect_data(), "y");
    host.finish();
}

// ---- compression ----

std::string packed(deflater& z, const std::string& text) {
    std::string out(2 * text.size() + 100, '\0');
    const auto d = z.step({reinterpret_cast<const uint8_t*>(text.data()), text.size()},
                          {reinterpret_cast<uint8_t*>(out.data()), out.size()}, true);
    z.finish();
    return out.substr(0, d.made - deflate_tail);
}
std::string unpacked(inflater& z, const std::string& in) {
    std::string out(1 << 20, '\0');
    const std::span<uint8_t> to{reinterpret_cast<uint8_t*>(out.data()), out.size()};
    const auto d = z.step({reinterpret_cast<const uint8_t*>(in.data()), in.size()}, to);
    const auto e = z.finish(to.subspan(d.made));
    EXPECT_FALSE(d.failed || e.failed || e.more);
    out.resize(d.made + e.made);
    return out;
}
const char* offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

TEST_F(connection, compressed_both_ways) {
    auto& s = server(R"({"compression": {"threshold": 10, "window-bits": 15}})");
    for (const uint32_t window : {1u, 7u, 65536u}) {
        auto c = connected(s, "mqtt", 0, offer);
        EXPECT_THAT(answer, HasSubstr("sec-websocket-extensions: permessage-deflate\r\n"));
        deflater z({}, agreed{15, 15, true, true});
        inflater back(15, true);
        const std::string text(3000, 'a');
        const auto in = packed(z, text);
        c.net.send(frame(op_binary, in.substr(0, 3), {false, true}) +
                   frame(op_continuation, in.substr(3)) + frame(op_binary, "plain") +
                   frame(op_binary, packed(z, text), {true, true}));
        c.app.keep_window(window);
        EXPECT_EQ(c.app.take_data(), text + "plain" + text);
        c.app.send(std::string(20'000, 'b'));
        c.app.send("tiny");
        c.app.send("in pa", nullptr, WEFT_INIT);
        c.app.send("rts" + text, nullptr, WEFT_FIN);
        const auto all = frames(c.net.take_data());
        ASSERT_EQ(all.size(), 4u);
        EXPECT_TRUE(all[0].rsv1 && !all[1].rsv1 && all[2].rsv1 && !all[3].rsv1);
        EXPECT_LT(all[0].payload.size(), 200u);
        EXPECT_EQ(unpacked(back, all[0].payload), std::string(20'000, 'b'));
        EXPECT_EQ(all[1].payload, "tiny");
        EXPECT_EQ(unpacked(back, all[2].payload + all[3].payload), "in parts" + text);
    }
    host.finish();
}

TEST_F(connection, nothing_compressed) {
    auto c = connected(server(R"({"compression": {"threshold": 0}})"), "chat", 1000, offer);
    deflater z({}, agreed{15, 15, true, true});
    inflater back(15, true);
    for (int i = 0; i < 3; ++i) {
        c.net.send(frame(op_binary, std::string(1, '\0'), {true, true}));
        EXPECT_EQ(c.app.expect(WEFT_DATA).payload, "");
        c.app.send("");
        EXPECT_EQ(unpacked(back, only(c.net.take_data()).payload), "");
    }
    host.finish();
}

TEST_F(connection, a_bomb_is_closed_and_costs_nothing) {
    auto c = connected(server(R"({"compression": {}, "limits": {"message": 100000}})"), "mqtt",
                       65536, offer);
    deflater z({}, agreed{15, 15, true, true});
    c.net.send(frame(op_binary, packed(z, std::string(10'000'000, 'x')), {true, true}));
    EXPECT_LE(c.app.take_data().size(), 100'000u);
    expect_close(c.net, 1009);
    host.finish();
}

TEST_F(connection, what_cannot_be_decompressed) {
    auto c = connected(server(R"({"compression": {}})"), "mqtt", 65536, offer);
    c.net.send(frame(op_binary, "\xff\xff\xff\xff\xff", {true, true}));
    expect_close(c.net, 1007);
    host.finish();
}

TEST_F(connection, compression_needs_memory) {
    auto& s = server(R"({"compression": {"memory": 100000}})");
    auto c = connected(s, "mqtt", 0, offer);
    EXPECT_THAT(answer, HasSubstr("permessage-deflate"));
    EXPECT_GT(s.metric("ws.compression.bytes"), 40'000u);
    connected(s, "mqtt", 0, offer);
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("permessage-deflate")));
    EXPECT_TRUE(host.emitted("binding.ws.compression.refused"));
    c.net.abort();
    EXPECT_TRUE(c.app.closed());
    EXPECT_EQ(s.metric("ws.compression.bytes"), 0u);
    host.finish();
}

}  // namespace
}  // namespace weft::ws::tests
