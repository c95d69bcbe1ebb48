// A client as the host runs it: what its opener hears, and in whose time.
#include "remote.hpp"

namespace weft::tcp {
namespace {

using namespace std::chrono_literals;
using weft::testing::frame;
using weft::testing::peer;

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

TEST_F(client_plugin, a_guarded_destination_is_for_whom_the_guard_knows) {
    weft::testing::host host;
    auto& client =
        host.run(weft_plugin_1, R"({"kind": "client", "options": {"host": "127.0.0.1", "port": )" +
                                    std::to_string(listener.port()) +
                                    R"(}, "routes": [{"guarded": {"people": ["device"]}}]})");
    const auto opened_as = [&](uint64_t auth) -> peer& {
        client.auth = auth;
        return client.open();
    };
    peer& nobody = opened_as(0);
    ASSERT_TRUE(host.wait_for([&] { return nobody.saw(WEFT_RESET); }));
    expect_refused(nobody, EACCES);
    peer& other = opened_as(host.session("test:people", {"eve", "", {"visitor"}, {}}));
    ASSERT_TRUE(host.wait_for([&] { return other.saw(WEFT_RESET); }));
    expect_refused(other, EACCES);
    peer& known = opened_as(host.session("test:people", {"ann", "", {"visitor", "device"}, {}}));
    ASSERT_TRUE(host.wait_for([&] { return known.saw(WEFT_BEGIN); }));
    remote r(listener.accept_one());
    r.leave();
    ASSERT_TRUE(host.wait_for([&] { return known.saw(WEFT_END); }));
    known.end();
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
