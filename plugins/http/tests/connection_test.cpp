// Connections between a scripted client and a scripted exit.
#include "limits.hpp"

#include <weft/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using weft::http::head_size_max;
using weft::testing::frame;
using weft::testing::peer;

const std::string upgrade =
    "GET /mqtt HTTP/1.1\r\nHost: localhost:7114\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\n\r\n";
const std::string plain = "GET /page HTTP/1.1\r\nHost: localhost:7114\r\n\r\n";

// Upgrades go to exit 1, /page to exit 2, the rest nowhere.
constexpr const char* config = R"({"routes": [
    {"when": [{"headers": {"upgrade": "websocket", ":authority": "localhost:7114"}}], "exit": 1},
    {"when": [{"headers": {":path": "/page"}}], "exit": 2}]})";

using headers = std::vector<std::pair<std::string, std::string>>;

const weft_meta* head_of(weft::meta_writer<weft_http_begin>& m, const headers& list) {
    m.clear();
    const auto ref = m.list<weft_pair>(list.size());
    for (size_t i = 0; i < list.size(); ++i) {
        const auto name = m.text(list[i].first), value = m.text(list[i].second);
        m.item<weft_pair>(ref, i) = {name, value};
    }
    m->headers = ref;
    return m.get();
}

headers headers_of(const frame& f) {
    headers out;
    const auto m = f.as<weft_http_begin>();
    for (const auto& p : m.list<weft_pair>(m->headers))
        out.emplace_back(m.text(p.name), m.text(p.value));
    return out;
}

class connection : public testing::Test {
protected:
    peer& client(uint32_t window = 65536) {
        auto& c = binding.open();
        c.expect(WEFT_BEGIN);
        if (window) c.keep_window(window);
        return c;
    }
    void reply(peer& exit, const headers& list) { exit.begin(head_of(writer, list)); }
    // A client and an exit with a tunnel between them.
    std::pair<peer&, peer&> tunnel() {
        auto& c = client();
        c.send(upgrade);
        auto& e = host.accepted(1);
        e.keep_window(65536);
        reply(e, {{":status", "101"}});
        EXPECT_THAT(c.take_data(), StartsWith("HTTP/1.1 101 "));
        return {c, e};
    }
    // The client sees this answer and the end of the connection.
    void expect_closed(peer& c, const char* status) {
        EXPECT_THAT(c.take_data(), StartsWith(std::string("HTTP/1.1 ") + status + " "));
        c.expect(WEFT_END);
        EXPECT_TRUE(c.stopped());
    }
    void TearDown() override { host.finish(); }

    weft::testing::host host;
    weft::testing::subject& binding = host.run(weft_plugin_1, config);
    weft::meta_writer<weft_http_begin> writer;
};

TEST_F(connection, request_goes_to_the_exit_with_pseudo_headers_first) {
    auto& c = client();
    c.send(upgrade);
    auto& e = host.accepted(1);
    const headers expected{
        {":method", "GET"},       {":scheme", "http"},        {":authority", "localhost:7114"},
        {":path", "/mqtt"},       {"host", "localhost:7114"}, {"upgrade", "websocket"},
        {"connection", "Upgrade"}};
    EXPECT_EQ(headers_of(e.opened_with()), expected);
    e.expect_nothing();
    EXPECT_EQ(c.take_data(), "");
    EXPECT_EQ(binding.metric("http.requests"), 1u);
}

TEST_F(connection, answer_101_makes_a_tunnel) {
    auto& c = client();
    c.send(upgrade);
    auto& e = host.accepted(1);
    e.keep_window(4096);
    reply(e,
          {{":status", "101"}, {"Sec-WebSocket-Accept", "x="}, {"transfer-encoding", "chunked"}});
    EXPECT_EQ(c.take_data(),
              "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x=\r\n"
              "upgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    c.send("up");
    EXPECT_EQ(e.take_data(), "up");
    e.send("down");
    EXPECT_EQ(c.take_data(), "down");
    e.end();
    c.expect(WEFT_END);
    c.end();
    e.expect(WEFT_END);
    EXPECT_TRUE(c.closed() && e.closed());
    EXPECT_EQ(binding.streams(), 0u);
}

TEST_F(connection, byte_by_byte) {
    auto& c = client();
    for (const char byte : upgrade) c.send(std::string(1, byte));
    host.accepted(1).expect_nothing();
}

TEST_F(connection, bytes_behind_the_head_wait_for_the_tunnel) {
    auto& c = client();
    c.send(upgrade + "early");
    auto& e = host.accepted(1);
    e.keep_window(4096);
    c.send(" bird");
    e.expect_nothing();
    reply(e, {{":status", "101"}});
    EXPECT_EQ(e.take_data(), "early bird");
}

TEST_F(connection, credit_is_end_to_end) {
    auto& c = client(0);
    c.send(upgrade);
    auto& e = host.accepted(1);
    reply(e, {{":status", "101"}});
    EXPECT_EQ(e.credit(), 0u) << "the client takes nothing yet";
    c.window(1000);
    const auto head = c.take_data();
    EXPECT_EQ(e.credit(), 1000 - head.size());
    // The credit for the head is there still; behind it counts what the exit takes.
    const uint32_t left = c.credit();
    EXPECT_EQ(left, head_size_max - upgrade.size());
    c.send(std::string(left, 'x'));
    EXPECT_EQ(c.credit(), 0u);
    e.window(10);
    EXPECT_EQ(e.take_data().size(), 10u);
    EXPECT_EQ(c.credit(), 0u) << "what waits comes first";
    e.window(65536);
    EXPECT_EQ(e.take_data().size(), left - 10);
    EXPECT_EQ(c.credit(), 65536 - (left - 10));
}

TEST_F(connection, window_of_one_byte_and_padding) {
    auto& c = client(0);
    c.send(upgrade);
    auto& e = host.accepted(1);
    reply(e, {{":status", "101"}});
    c.keep_window(8, 7);  // each DATA costs seven more than it carries
    EXPECT_THAT(c.take_data(), StartsWith("HTTP/1.1 101 "));
    e.keep_window(1);
    c.send("hello");
    EXPECT_EQ(e.take_data(), "hello");
    for (const char byte : std::string("world")) {
        ASSERT_GE(e.credit(), 1u);
        e.send(std::string(1, byte));
    }
    EXPECT_EQ(c.take_data(), "world");
}

TEST_F(connection, half_close_passes_through) {
    auto [c, e] = tunnel();
    c.send("last");
    c.end();
    EXPECT_EQ(e.take_data(), "last");
    e.expect(WEFT_END);
    e.send("answer");
    e.end();
    EXPECT_EQ(c.take_data(), "answer");
    c.expect(WEFT_END);
}

TEST_F(connection, breaks_pass_through) {
    {
        auto [c, e] = tunnel();
        c.abort();
        e.expect(WEFT_ABORT);
        EXPECT_TRUE(e.stopped());
    }
    {
        auto [c, e] = tunnel();
        e.abort();
        c.expect(WEFT_ABORT);
        EXPECT_TRUE(c.stopped());
    }
    EXPECT_EQ(binding.metric("http.upgrades"), 2u);
}

TEST_F(connection, exit_that_refuses_is_404) {
    auto& c = client();
    c.send(upgrade);
    host.accepted(1).reset();
    expect_closed(c, "404");
}

TEST_F(connection, exit_that_breaks_is_502) {
    auto& c = client();
    c.send(upgrade);
    host.accepted(1).abort();
    expect_closed(c, "502");
}

TEST_F(connection, exit_with_nonsense_is_502) {
    for (const auto& bad : std::vector<headers>{{},
                                                {{":status", "99"}},
                                                {{":status", "100"}},
                                                {{":status", "101x"}},
                                                {{":status", "200"}, {"a", "b\r\nc: d"}},
                                                {{":status", "200"}, {"a b", "c"}}}) {
        auto& c = client();
        c.send(upgrade);
        auto& e = host.accepted(1);
        reply(e, bad);
        expect_closed(c, "502");
        EXPECT_TRUE(e.ended());
    }
}

TEST_F(connection, other_answers_end_the_connection) {
    auto& c = client();
    c.send(upgrade);
    auto& e = host.accepted(1);
    reply(e, {{":status", "400"}, {"content-length", "5"}, {"x", "y"}});
    e.expect(WEFT_END);
    e.send("wrong");
    e.end();
    EXPECT_EQ(c.take_data(), "HTTP/1.1 400 Bad Request\r\nx: y\r\nconnection: close\r\n\r\nwrong");
    c.expect(WEFT_END);
    EXPECT_TRUE(c.stopped());
}

TEST_F(connection, request_without_upgrade) {
    auto& c = client();
    c.send(plain);
    c.end();
    auto& e = host.accepted(2);
    e.expect(WEFT_END);
    reply(e, {{":status", "101"}});
    expect_closed(c, "502");

    auto& d = client();
    d.send("HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n");
    auto& f = host.accepted(2);
    reply(f, {{":status", "200"}});
    EXPECT_TRUE(f.stopped()) << "the answer to HEAD has no body";
    expect_closed(d, "200");
}

TEST_F(connection, no_route_keeps_the_connection) {
    auto& c = client();
    const std::string other = "GET /x HTTP/1.1\r\nHost: 127.0.0.1:7114\r\n\r\n";
    c.send(other + other + plain);
    const auto answers = c.take_data();
    EXPECT_THAT(answers, StartsWith("HTTP/1.1 404 Not Found\r\n"));
    EXPECT_THAT(answers,
                HasSubstr("no route of this server matches GET http://127.0.0.1:7114/x\n"));
    EXPECT_NE(answers.find("HTTP/1.1 404", 10), std::string::npos) << "the second as well";
    EXPECT_THAT(answers, testing::Not(HasSubstr("connection: close")));
    EXPECT_EQ(host.accepted(2).exit(), 2u);
}

TEST_F(connection, answers_wait_for_credit_and_the_next_request_for_them) {
    auto& c = client(0);
    const std::string other = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    std::string many;
    while (many.size() + other.size() <= head_size_max) many += other;
    c.send(many);
    EXPECT_EQ(binding.metric("http.requests"), 1u);
    c.keep_window(100);
    EXPECT_EQ(binding.metric("http.requests"), many.size() / other.size());
}

TEST_F(connection, body_without_route_closes) {
    auto& c = client();
    c.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /");
    expect_closed(c, "404");
    auto& d = client();
    d.send("POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    expect_closed(d, "501");
}

TEST_F(connection, upgrade_refused_with_bytes_behind_it_closes) {
    auto& c = client();
    c.send("GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + plain);
    expect_closed(c, "404");
    EXPECT_EQ(host.waiting(), 0u) << "no request is read out of what was meant for a tunnel";
}

TEST_F(connection, malformed) {
    for (const auto& [bytes, status] : std::vector<std::pair<std::string, const char*>>{
             {"\x16\x03\x01", "400"},
             {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
             {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"},
             {"GET /" + std::string(9000, 'x'), "414"},
             {"GET / HTTP/1.1\r\nX: " + std::string(head_size_max - 19, 'x'), "431"}}) {
        auto& c = client();
        c.send(bytes);
        expect_closed(c, status);
    }
    auto& c = client();
    c.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    c.expect(WEFT_END);
}

TEST_F(connection, slow_head_is_408) {
    auto& c = client();
    host.advance(9s);
    c.send("GET / ");
    host.advance(9s);
    c.send("HTTP/1.1\r\n");
    c.expect_nothing();
    host.advance(2s);
    expect_closed(c, "408");
}

TEST_F(connection, idle_connection_closes_without_a_word) {
    auto& c = client();
    host.advance(29s);
    c.expect_nothing();
    host.advance(2s);
    c.expect(WEFT_END);
    EXPECT_TRUE(c.stopped());
}

TEST_F(connection, silent_exit_is_504) {
    auto& c = client();
    c.send(upgrade);
    host.accepted(1);
    host.advance(31s);
    expect_closed(c, "504");
}

TEST_F(connection, tunnel_has_no_timer) {
    auto [c, e] = tunnel();
    EXPECT_EQ(binding.timers(), 0u);
    host.advance(24h);
    c.send("still");
    EXPECT_EQ(e.take_data(), "still");
}

TEST_F(connection, out_of_memory_ends_one_connection) {
    auto& c = client();
    host.out_of_memory();
    c.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    c.expect(WEFT_ABORT);
    host.out_of_memory(false);
    client().send(upgrade);
    EXPECT_EQ(host.accepted(1).exit(), 1u);
}

TEST_F(connection, stop_says_goodbye) {
    auto [c, e] = tunnel();
    auto &idle = client(), &half = client(), &asking = client();
    half.send("GET ");
    asking.send(upgrade);
    host.accepted(1);
    binding.drain(WEFT_DRAIN_STOP);
    EXPECT_TRUE(e.expect(WEFT_END).as<weft_tcp_reset>()) << "it is we who give up";
    e.send("goodbye");
    e.end();
    EXPECT_EQ(c.take_data(), "goodbye");
    c.expect(WEFT_END);
    idle.expect(WEFT_END);
    expect_closed(half, "503");
    expect_closed(asking, "503");
}

TEST_F(connection, replaced_connections_stay_until_the_deadline) {
    auto [c, e] = tunnel();
    auto& idle = client();
    binding.drain(WEFT_DRAIN_REPLACE, host.now_ns() + 20'000'000'000);
    c.expect(WEFT_DRAIN);
    c.send("still");
    EXPECT_EQ(e.take_data(), "still");
    idle.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_closed(idle, "404");
    host.advance(21s);
    ASSERT_TRUE(e.expect(WEFT_END).as<weft_tcp_reset>());
    c.send("unheard");
    EXPECT_EQ(e.take_data(), "");
    e.send("good");
    e.send("bye");
    EXPECT_EQ(c.take_data(), "goodbye");
    c.expect_nothing();
    e.end();
    c.expect(WEFT_END);
    c.end();
    EXPECT_TRUE(c.closed());
    EXPECT_TRUE(e.closed());
}

TEST_F(connection, goodbyes_have_a_time_limit) {
    auto [c, e] = tunnel();
    auto [d, f] = tunnel();
    f.end();
    d.expect(WEFT_END);
    binding.drain(WEFT_DRAIN_STOP);
    e.expect(WEFT_END);
    host.advance(4s);
    c.expect_nothing();
    host.advance(2s);
    c.expect(WEFT_ABORT);
    EXPECT_TRUE(d.stopped()) << "its goodbye is out: tcp writes it and closes";
    EXPECT_EQ(binding.timers(), 0u);
}

TEST_F(connection, who_gives_up_below_is_told_above) {
    auto [c, e] = tunnel();
    weft::meta_writer<weft_tcp_reset> m;
    m->text = m.text("its time is over");
    c.end(m.get());
    const auto last = e.expect(WEFT_END);
    const auto why = last.as<weft_tcp_reset>();
    ASSERT_TRUE(why);
    EXPECT_EQ(why.text(why->text), "its time is over");
}

}  // namespace
