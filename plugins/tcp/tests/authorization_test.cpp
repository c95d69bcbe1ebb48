// Who a client is, as a proxy that ended TLS says: a guard is asked, and routes go by its answer.
#include "remote.hpp"
#include "tlv.hpp"

#include <gmock/gmock.h>

#include <memory>

namespace weft::tcp {
namespace {

using ::testing::HasSubstr;
using weft::testing::peer;
using weft::testing::verdict;

constexpr const char* routes = R"("routes": [
    {"guarded": {"people": ["admin"]}, "exit": 2}, {"guarded": {"people": []}, "exit": 3},
    {"when": [{"cidr": "10.0.0.0/8"}], "exit": 4}]})";
constexpr const char* listening = R"({"kind": "server", "name": "tcp0", "options": {
    "host": "127.0.0.1", "port": 7183, "proxy-protocol": {"trusted": ["127.0.0.0/8"]})";
constexpr const char* asking =
    R"(, "authorization": {"people": {"credentials": {"proxy": "common-name"}}}}, )";

std::string for_client(const std::string& name, int verify = 0) {
    return header_with(tlv(2, "example.com") + ssl_tlv(3, verify, common_name_tlv(name)));
}

class authorization : public ::testing::Test {
protected:
    authorization() {
        host.guard("test:people", [this](const weft_guard_request& q) {
            asked.push_back(std::string(q.username) + " " + std::string(text_of(q.credentials)) +
                            " " + q.remote);
            if (asked.back().starts_with("eve")) return verdict{{}, "It is on the list."};
            const bool boss = asked.back().starts_with("boss");
            return verdict{identified{q.username, "", {boss ? "admin" : "device"}, {}}, ""};
        });
    }
    std::unique_ptr<remote> connect(const std::string& head) {
        auto r = std::make_unique<remote>(host.listening_port(asked_port));
        r->send(head);
        return r;
    }
    peer& accepted(uint64_t exit) {
        EXPECT_TRUE(host.wait_for([&] { return host.waiting() > 0; }));
        return host.accepted(exit);
    }
    bool ends(remote& r, std::string_view how) {
        return host.wait_for([&] { return r.end() == how; });
    }
    std::string said(std::string_view id) const {
        for (const auto& e : host.events())
            if (e.id == id) return e.text;
        return "nothing";
    }
    std::vector<std::string> logged() const {
        std::vector<std::string> out;
        for (const auto& e : host.logs()) out.push_back(e.text);
        return out;
    }

    weft::testing::host host;
    std::vector<std::string> asked;
};

TEST_F(authorization, routes_go_by_whom_the_header_names) {
    auto& server = host.run(weft_plugin_1, std::string(listening) + asking + routes);
    EXPECT_TRUE(logged().empty());
    auto boss = connect(for_client("boss") + "hello");
    peer& first = accepted(2);
    EXPECT_NE(first.opened_with().auth, 0u);
    const auto m = first.opened_with().as<weft_tcp_begin>();
    ASSERT_TRUE(m);
    EXPECT_EQ(m.text(m->remote_host), "192.0.2.1");
    first.begin();
    first.keep_window(plenty);
    std::string got;
    EXPECT_TRUE(host.wait_for([&] { return (got += first.take_data()) == "hello"; }));
    auto anna = connect(for_client("anna"));
    peer& second = accepted(3);
    EXPECT_NE(second.opened_with().auth, first.opened_with().auth);
    EXPECT_EQ(host.sessions(), 2u);
    EXPECT_THAT(asked, ::testing::ElementsAre("boss boss 192.0.2.1", "anna anna 192.0.2.1"));
    first.abort();
    EXPECT_TRUE(ends(*boss, "rst"));
    EXPECT_EQ(host.sessions(), 1u) << "its reference is given back";
    second.begin();
    anna->leave();
    EXPECT_TRUE(host.wait_for([&] { return second.saw(WEFT_END); }));
    EXPECT_EQ(host.sessions(), 1u) << "no earlier than the stream is over";
    second.end();
    EXPECT_EQ(host.sessions(), 0u);
    EXPECT_EQ(server.timers(), 0u);
    host.finish();
}

TEST_F(authorization, who_is_not_named_is_nobody) {
    host.run(weft_plugin_1, std::string(listening) + asking + routes);
    for (const auto& head :
         {for_client("boss", 1), header_with(ssl_tlv(1, 0, common_name_tlv("boss"))),
          header_with(""), v2("\x20\x11", v4_addresses + ssl_tlv(3, 0, common_name_tlv("boss"))),
          std::string("PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n")}) {
        auto r = connect(head);
        EXPECT_TRUE(ends(*r, "fin"));
    }
    EXPECT_TRUE(asked.empty());
    EXPECT_THAT(said("binding.tcp.route.missing"),
                HasSubstr("no route matches; those that are guarded do not admit who has no "
                          "identity."));
    host.finish();
}

TEST_F(authorization, roles_are_asked_for) {
    host.run(weft_plugin_1, std::string(listening) + asking +
                                R"("routes": [{"guarded": {"people": ["admin"]}, "exit": 2}]})");
    auto r = connect(for_client("anna"));
    EXPECT_TRUE(ends(*r, "fin"));
    EXPECT_THAT(said("binding.tcp.route.missing"),
                HasSubstr("those that are guarded do not admit 'anna'."));
    EXPECT_EQ(host.sessions(), 0u);
    host.finish();
}

TEST_F(authorization, whom_the_guard_refuses_gets_rst) {
    auto& server = host.run(weft_plugin_1, std::string(listening) + asking + routes);
    for (int i = 0; i < 3; ++i) {
        auto r = connect(for_client("eve"));
        EXPECT_TRUE(ends(*r, "rst"));
    }
    const auto text = said("binding.tcp.peer.not.authorized");
    EXPECT_THAT(text, HasSubstr("Connection from 192.0.2.1:56324 closed: guard test:people refused "
                                "'eve', who asked for example.com: It is on the list."));
    EXPECT_EQ(host.events().size(), 1u) << "once a second";
    EXPECT_EQ(server.metric("tcp.refused"), 3u);
    EXPECT_EQ(server.timers(), 0u);
    host.finish();
}

// As those that were written for a runtime that let everybody use them.
TEST_F(authorization, routes_whose_guard_is_not_asked_are_closed_and_told) {
    host.run(weft_plugin_1, std::string(listening) + "}, " + routes);
    EXPECT_THAT(
        logged(),
        ::testing::ElementsAre(
            HasSubstr("binding test:tcp0: routes[0] (to test:exit2) is guarded by 'test:people'"),
            HasSubstr("binding test:tcp0: routes[1] (to test:exit3) is guarded by")));
    auto r = connect(for_client("boss"));
    EXPECT_TRUE(ends(*r, "fin"));
    EXPECT_TRUE(asked.empty());
    host.finish();
}

TEST_F(authorization, a_guard_is_asked_also_where_no_route_is_guarded) {
    host.run(weft_plugin_1, std::string(listening) + asking + R"("routes": [{"exit": 2}]})");
    auto anna = connect(for_client("anna")), nobody = connect(header_with(""));
    EXPECT_TRUE(host.wait_for([&] { return host.waiting() == 2; }));
    const auto a = host.accepted().opened_with().auth, b = host.accepted().opened_with().auth;
    EXPECT_TRUE((a == 0) != (b == 0)) << "its session is for the bindings behind";
    host.finish();
}

}  // namespace
}  // namespace weft::tcp
