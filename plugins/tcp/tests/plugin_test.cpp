// A server as the host runs it: loaded through its entry, with the stream's other side played by
// the test, and a real peer on the loopback.
#include "remote.hpp"

#include <memory>

namespace weft::tcp {
namespace {

using namespace std::chrono_literals;
using weft::testing::frame;
using weft::testing::peer;

constexpr const char* listening_config =
    R"({"kind": "server", "options": {"host": "127.0.0.1", "port": 7183}})";

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
    auto& server = host.run(weft_plugin_1, listening_config);
    EXPECT_EQ(host.listening_ports().size(), 1u);
    server.drain();
    EXPECT_TRUE(host.listening_ports().empty());
    EXPECT_EQ(server.watches(), 0u);
    host.finish();
}

TEST_F(server_plugin, a_connection_is_a_stream_with_both_addresses) {
    auto& server = host.run(weft_plugin_1, listening_config);
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
    host.run(weft_plugin_1, listening_config);
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
    host.run(weft_plugin_1, listening_config);
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
    host.run(weft_plugin_1, listening_config);
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
    auto& server = host.run(weft_plugin_1, listening_config);
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
    auto& server = host.run(weft_plugin_1, listening_config);
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
    auto& server = host.run(weft_plugin_1, listening_config);
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
    auto& old = host.run(weft_plugin_1, listening_config);
    auto& fresh = host.run(weft_plugin_1, listening_config);
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
    auto& server = host.run(weft_plugin_1, listening_config);
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
        host.run(weft_plugin_1, listening_config);
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
    host.run(weft_plugin_1, listening_config);
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

}  // namespace
}  // namespace weft::tcp
