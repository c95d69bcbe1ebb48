// The plugin as the host runs it: loaded through its entry, with the stream's other side played by
// the test, and a real peer on the loopback.
#include "sockets.hpp"

#include <weft/testing.hpp>

#include <gtest/gtest.h>

#include <memory>

extern "C" const weft_plugin* weft_plugin_1(void);

namespace weft::tcp {
namespace {

using namespace std::chrono_literals;
using weft::testing::frame;
using weft::testing::peer;

constexpr uint16_t asked_port = 7183;
constexpr const char* server_config =
    R"({"kind": "server", "options": {"host": "127.0.0.1", "port": 7183}})";
constexpr uint32_t plenty = 1 << 20;

// The peer of a connection: a socket of the test.
class remote {
public:
    explicit remote(int fd) : fd_(fd) { fcntl(fd_, F_SETFL, O_NONBLOCK); }
    explicit remote(uint16_t port) : remote(connected_to(port)) {}
    ~remote() { leave(); }
    remote(const remote&) = delete;
    remote& operator=(const remote&) = delete;

    void send(std::string_view text) const {
        ASSERT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // As much as the kernel takes now.
    size_t send_some(std::string_view text) const {
        const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        return n < 0 ? 0 : static_cast<size_t>(n);
    }
    void send_fin() const { shutdown(fd_, SHUT_WR); }
    void leave() {
        if (fd_ >= 0) close(std::exchange(fd_, -1));
    }
    void send_rst() { close_with_rst(std::exchange(fd_, -1)); }
    // "fin", "rst" or "open", once all that has come is in `got`.
    std::string end() { return end_of(fd_, got); }

    std::string got;

private:
    static int connected_to(uint16_t port) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto a = *socket_address::parse("127.0.0.1", port);
        EXPECT_EQ(connect(fd, &a.generic, a.size()), 0) << errno;
        return fd;
    }
    int fd_;
};

class server_plugin : public ::testing::Test {
protected:
    std::unique_ptr<remote> dial() {
        return std::make_unique<remote>(host.listening_port(asked_port));
    }
    // The stream of the next connection.
    peer& accept() {
        EXPECT_TRUE(host.wait_for([&] { return host.waiting() > 0; }));
        return host.accepted();
    }
    peer& answer(uint32_t window = plenty) {
        peer& p = accept();
        p.begin();
        p.keep_window(window);
        return p;
    }
    bool arrives(peer& p, std::string_view text) {
        std::string got;
        return host.wait_for([&] { return (got += p.take_data()) == text; });
    }
    bool arrives(remote& r, std::string_view text) {
        return host.wait_for([&] { return r.end() == "open" && r.got == text; });
    }
    bool ends(remote& r, std::string_view how) {
        return host.wait_for([&] { return r.end() == how; });
    }
    bool says(const peer& p, uint16_t kind) {
        return host.wait_for([&] { return p.saw(kind); });
    }

    weft::testing::host host;
};

TEST_F(server_plugin, leases_its_port_and_gives_it_back) {
    auto& server = host.run(weft_plugin_1, server_config);
    EXPECT_EQ(host.listening_ports().size(), 1u);
    server.drain();
    EXPECT_TRUE(host.listening_ports().empty());
    EXPECT_EQ(server.watches(), 0u);
    host.finish();
}

TEST_F(server_plugin, a_connection_is_a_stream_with_both_addresses) {
    auto& server = host.run(weft_plugin_1, server_config);
    auto r = dial();
    peer& p = answer();
    const auto m = p.opened_with().as<weft_tcp_begin>();
    ASSERT_TRUE(m);
    EXPECT_EQ(m.text(m->remote_host), "127.0.0.1");
    EXPECT_EQ(m.text(m->local_host), "127.0.0.1");
    EXPECT_EQ(m->local_port, host.listening_port(asked_port));
    EXPECT_NE(m->remote_port, 0);
    EXPECT_EQ(server.metric("tcp.accepted"), 1u);

    r->send("question");
    EXPECT_TRUE(arrives(p, "question"));
    p.send("ans");
    p.send("wer");
    EXPECT_TRUE(arrives(*r, "answer"));
    EXPECT_EQ(server.timers(), 0u) << "an idle connection wakes nobody";
    EXPECT_EQ(host.buffers_alive(), 0u) << "and holds no buffer";

    r->leave();
    EXPECT_TRUE(says(p, WEFT_END));
    p.end();
    EXPECT_TRUE(p.closed());
    EXPECT_EQ(server.streams(), 0u);
    host.finish();
}

TEST_F(server_plugin, reads_what_it_has_credit_for) {
    host.run(weft_plugin_1, server_config);
    auto r = dial();
    r->send("abcdef");
    peer& p = accept();
    p.begin();
    p.window(1);
    EXPECT_TRUE(arrives(p, "a"));
    p.window(2);
    EXPECT_TRUE(arrives(p, "bc"));
    EXPECT_EQ(p.received(), 3u);
    p.keep_window(1);
    EXPECT_TRUE(arrives(p, "def"));
    host.finish();
}

// The padding that a neighbour asks for is reserved with each DATA.
TEST_F(server_plugin, reserves_padding) {
    host.run(weft_plugin_1, server_config);
    auto r = dial();
    r->send("abcdef");
    peer& p = accept();
    p.begin();
    p.window(12, 0, 8);
    EXPECT_TRUE(arrives(p, "abcd"));
    EXPECT_EQ(p.received(), 12u);
    host.finish();
}

TEST_F(server_plugin, much_passes_through_little_windows_both_ways) {
    host.run(weft_plugin_1, server_config);
    std::string all(600'000, '\0');
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>('a' + i % 23);
    auto r = dial();
    peer& p = answer(1'777);
    std::string up;
    size_t sent_up = 0, sent_down = 0;
    EXPECT_TRUE(host.wait_for([&] {
        sent_up += r->send_some(std::string_view(all).substr(sent_up));
        const auto n = std::min<size_t>(p.credit(), all.size() - sent_down);
        if (n > 0) p.send(std::string_view(all).substr(sent_down, n));
        sent_down += n;
        up += p.take_data();
        r->end();
        return up.size() == all.size() && r->got.size() == all.size();
    }));
    EXPECT_TRUE(up == all);
    EXPECT_TRUE(r->got == all);
    host.finish();
}

TEST_F(server_plugin, either_side_may_finish_first) {
    auto& server = host.run(weft_plugin_1, server_config);
    {
        auto r = dial();
        peer& p = answer();
        r->send("question");
        r->send_fin();
        EXPECT_TRUE(says(p, WEFT_END));
        EXPECT_EQ(p.take_data(), "question");
        p.send("answer");
        p.end();
        EXPECT_TRUE(p.closed());
        EXPECT_TRUE(ends(*r, "fin"));
        EXPECT_EQ(r->got, "answer");
    }
    {
        auto r = dial();
        peer& p = answer();
        p.send("goodbye");
        p.end();
        EXPECT_TRUE(ends(*r, "fin"));
        EXPECT_EQ(r->got, "goodbye");
        r->send("one more thing");
        EXPECT_TRUE(arrives(p, "one more thing"));
        r->leave();
        EXPECT_TRUE(says(p, WEFT_END));
        EXPECT_TRUE(p.closed());
    }
    EXPECT_EQ(server.streams(), 0u);
    host.finish();
}

TEST_F(server_plugin, a_break_on_one_side_is_a_break_on_the_other) {
    auto& server = host.run(weft_plugin_1, server_config);
    {
        auto r = dial();
        peer& p = answer();
        r->send_rst();
        EXPECT_TRUE(says(p, WEFT_ABORT));
        EXPECT_TRUE(p.saw(WEFT_RESET));
        EXPECT_TRUE(p.closed());
    }
    {
        auto r = dial();
        peer& p = answer();
        r->send("unread");
        p.abort();
        EXPECT_TRUE(p.closed());
        EXPECT_TRUE(host.wait_for([&] { return r->end() != "open"; }));
    }
    EXPECT_EQ(server.streams(), 0u);
    host.finish();
}

TEST_F(server_plugin, without_an_exit_the_connection_is_closed) {
    auto& server = host.run(weft_plugin_1, server_config);
    host.refuse_exit(weft::testing::exit_id);
    auto r = dial();
    EXPECT_TRUE(host.wait_for([&] { return r->end() != "open"; }));
    EXPECT_EQ(host.waiting(), 0u);
    host.refuse_exit(weft::testing::exit_id, false);
    auto next = dial();
    peer& p = answer();
    next->send("served");
    EXPECT_TRUE(arrives(p, "served"));
    EXPECT_EQ(server.metric("tcp.accepted"), 2u);
    host.finish();
}

TEST_F(server_plugin, routes_by_where_a_connection_comes_from) {
    host.run(weft_plugin_1, R"({"kind": "server", "options": {"host": "127.0.0.1", "port": 7183},
        "routes": [{"when": [{"cidr": "10.0.0.0/8"}], "exit": 4},
                   {"when": [{"cidr": "127.0.0.0/8"}], "exit": 5}]})");
    auto r = dial();
    EXPECT_EQ(accept().exit(), 5u);
    host.finish();
}

TEST_F(server_plugin, a_replaced_generation_serves_on_while_the_next_one_listens) {
    auto& old = host.run(weft_plugin_1, server_config);
    auto& fresh = host.run(weft_plugin_1, server_config);
    EXPECT_EQ(host.listening_ports().size(), 1u) << "one socket, leased twice";
    auto r = dial();
    peer& p = answer();  // of either of them
    old.drain(WEFT_DRAIN_REPLACE, host.now_ns() + 2'000'000'000);
    EXPECT_EQ(host.listening_ports().size(), 1u) << "nobody is refused in between";
    const bool is_old = old.streams() == 1;
    auto late = dial();
    peer& q = answer();
    EXPECT_EQ(fresh.streams(), is_old ? 1u : 2u);
    r->send("still here");
    EXPECT_TRUE(arrives(p, "still here"));
    late->send("here, too");
    EXPECT_TRUE(arrives(q, "here, too"));
    fresh.drain(WEFT_DRAIN_REPLACE);
    EXPECT_TRUE(host.listening_ports().empty());
    host.finish();
}

TEST_F(server_plugin, at_its_deadline_a_stream_may_still_say_goodbye) {
    auto& server = host.run(weft_plugin_1, server_config);
    auto r = dial();
    peer& p = answer();
    server.drain(WEFT_DRAIN_REPLACE, host.now_ns() + 2'000'000'000);
    host.advance(1'999ms);
    p.expect_nothing();
    host.advance(1ms);
    const frame last = p.expect(WEFT_END);
    const auto why = last.as<weft_tcp_reset>();
    ASSERT_TRUE(why);
    EXPECT_EQ(why->error, ESHUTDOWN);
    p.send("goodbye");
    p.end();
    EXPECT_TRUE(p.closed());
    EXPECT_TRUE(ends(*r, "fin"));
    EXPECT_EQ(r->got, "goodbye");
    r->leave();
    EXPECT_TRUE(host.wait_for([&] { return server.watches() == 0; })) << "the socket has lingered";
    host.finish();
}

TEST_F(server_plugin, a_port_that_cannot_be_had_is_refused_with_its_place) {
    host.refuse_leases("Address already in use");
    try {
        host.run(weft_plugin_1, server_config);
        FAIL() << "attached";
    } catch (const weft::testing::refused& e) {
        EXPECT_EQ(e.step(), "attach");
        EXPECT_EQ(e.path(), "/options/port");
        EXPECT_NE(e.text().find("127.0.0.1:7183: Address already in use"), std::string::npos)
            << e.text();
    }
    host.finish();
}

TEST_F(server_plugin, a_connection_that_cannot_be_watched_is_closed) {
    host.run(weft_plugin_1, server_config);
    auto first = dial();
    peer& p = answer();
    host.refuse_watches();
    auto r = dial();
    EXPECT_TRUE(host.wait_for([&] { return r->end() != "open"; }));
    host.refuse_watches(false);
    first->send("untouched");
    EXPECT_TRUE(arrives(p, "untouched"));
    host.finish();
}

class client_plugin : public ::testing::Test {
protected:
    static std::string config(uint16_t port, const char* name = "127.0.0.1") {
        return R"({"kind": "client", "options": {"host": ")" + std::string(name) +
               R"(", "port": )" + std::to_string(port) + "}}";
    }
    void expect_refused(peer& p, int error) {
        const frame f = p.expect(WEFT_RESET);
        const auto why = f.as<weft_tcp_reset>();
        ASSERT_TRUE(why);
        EXPECT_EQ(why->error, error) << why.text(why->text);
        EXPECT_FALSE(why.text(why->text).empty());
        EXPECT_TRUE(p.closed());
    }
    listening_socket listener{"127.0.0.1", 16};
};

TEST_F(client_plugin, opens_a_connection_and_tells_its_addresses) {
    weft::testing::host host;
    auto& client = host.run(weft_plugin_1, config(listener.port()));
    peer& p = client.open();
    ASSERT_TRUE(host.wait_for([&] { return p.saw(WEFT_BEGIN); }));
    const frame f = p.expect(WEFT_BEGIN);
    const auto m = f.as<weft_tcp_begin>();
    ASSERT_TRUE(m);
    EXPECT_EQ(m->remote_port, listener.port());
    EXPECT_EQ(m.text(m->remote_host), "127.0.0.1");
    remote r(listener.accept_one());
    p.keep_window(plenty);
    p.send("question");
    EXPECT_TRUE(host.wait_for([&] { return r.end() == "open" && r.got == "question"; }));
    r.send("answer");
    r.leave();
    EXPECT_TRUE(host.wait_for([&] { return p.saw(WEFT_END); }));
    EXPECT_EQ(p.take_data(), "answer");
    p.end();
    EXPECT_TRUE(p.closed());
    host.finish();
}

TEST_F(client_plugin, says_why_there_is_no_connection) {
    weft::testing::host host;
    const uint16_t port = listener.port();
    listener.stop();
    auto& client = host.run(weft_plugin_1, config(port));
    peer& p = client.open();
    ASSERT_TRUE(host.wait_for([&] { return p.saw(WEFT_RESET); }));
    expect_refused(p, ECONNREFUSED);
    EXPECT_EQ(client.metric("tcp.connect.failed"), 1u);
    host.finish();
}

// The name's lookup is on its way and does not come back.
TEST_F(client_plugin, gives_an_attempt_up_in_time) {
    weft::testing::host host({.tasks = weft::testing::task_mode::when_told});
    auto& client = host.run(weft_plugin_1, config(listener.port(), "localhost"));
    peer& p = client.open();
    EXPECT_EQ(host.tasks(), 1u);
    host.advance(9'999ms);
    p.expect_nothing();
    host.advance(1ms);
    expect_refused(p, ETIMEDOUT);
    EXPECT_EQ(client.tasks(), 1u) << "the late answer meets nobody";
    host.run_tasks();
    EXPECT_EQ(client.tasks(), 0u);
    EXPECT_EQ(client.timers(), 0u);
    host.finish();
}

// A server that exits to a client: bytes go from socket to socket, ends as well.
TEST_F(client_plugin, and_server_are_a_relay) {
    weft::testing::host host;
    auto& client = host.run(weft_plugin_1, config(listener.port()));
    auto& server = host.run(weft_plugin_1,
                            R"({"kind": "server", "name": "front",
                     "options": {"host": "127.0.0.1", "port": 7183}, "routes": [{"exit": )" +
                                std::to_string(client.id()) + "}]}");
    remote near(host.listening_port(asked_port));
    ASSERT_TRUE(host.wait_for([&] { return client.metric("tcp.connected") == 1; }));
    remote far(listener.accept_one());
    near.send("question");
    EXPECT_TRUE(host.wait_for([&] { return far.end() == "open" && far.got == "question"; }));
    far.send("answer");
    far.send_fin();
    EXPECT_TRUE(host.wait_for([&] { return near.end() == "fin"; }));
    EXPECT_EQ(near.got, "answer");
    near.leave();
    EXPECT_TRUE(host.wait_for([&] { return far.end() == "fin"; }));
    EXPECT_TRUE(host.wait_for([&] { return client.streams() + server.streams() == 0; }));
    host.finish();
}

}  // namespace
}  // namespace weft::tcp
