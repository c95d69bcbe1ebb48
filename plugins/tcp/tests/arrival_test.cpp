// Connections whose first bytes decide: headers of proxies, several protocols on one port, limits
// per source.
#include "fake_host.hpp"
#include "server.hpp"
#include "sockets.hpp"
#include "tlv.hpp"

#include <gmock/gmock.h>

using namespace weft::tcp;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class arrival_test : public testing::Test {
protected:
    ~arrival_test() override {
        for (const int fd : peers_) close(fd);
    }
    void serve(const char* options, const char* routes = "[null]", const char* properties = "{}") {
        weft::binding_config c;
        c.ns = "test";
        c.name = "server";
        c.options = nlohmann::json::parse(options);
        c.options["host"] = "a";
        c.options["port"] = 1;
        c.properties = nlohmann::json::parse(properties);
        uint64_t exit = 1;
        for (const auto& when : nlohmann::json::parse(routes))
            c.routes.push_back({nullptr, when, nullptr, exit++, ""});
        host_.listening = listener_.fd();
        instance_.reset();
        binding_ = std::make_unique<server_binding>(c);
        instance_ = binding_->attach(host_.here());
    }
    // 0 is the first; the server has accepted it, and done what it can.
    size_t connect_peer(const char* from = "127.0.0.1") {
        const auto to = *socket_address::parse("127.0.0.1", listener_.port());
        const auto own = *socket_address::parse(from, 0);
        peers_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(bind(peers_.back(), &own.generic, own.size()), 0);
        EXPECT_EQ(connect(peers_.back(), &to.generic, to.size()), 0);
        EXPECT_TRUE(host_.poll_once(1000));
        got_.emplace_back();
        return peers_.size() - 1;
    }
    void say(size_t i, const std::string& bytes) {
        ASSERT_EQ(send(peers_[i], bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
    }
    bool sees(size_t i, const std::string& how) {
        return host_.pump([&] { return end_of(peers_[i], got_[i]) == how; });
    }
    bool opens(size_t count) {
        return host_.pump([&] { return host_.streams.size() == count; });
    }
    weft_stream& last() {
        auto& s = host_.streams.back();
        host_.begin(&s);
        host_.grant(&s, 1 << 16);
        return s;
    }
    std::string said() {
        std::string out;
        for (const auto& e : host_.emitted) out += e + "\n";
        return out;
    }

    fake_host host_;
    listening_socket listener_{"127.0.0.1", 16, SOCK_NONBLOCK};
    std::unique_ptr<server_binding> binding_;
    std::unique_ptr<weft::instance> instance_;
    std::vector<int> peers_;
    std::vector<std::string> got_;
};

constexpr const char* proxied = R"({"proxy-protocol": {"trusted": ["127.0.0.1"]}})";
constexpr const char* line = "PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n";

}  // namespace

TEST_F(arrival_test, the_peer_is_the_one_of_the_header) {
    serve(proxied);
    const auto i = connect_peer();
    EXPECT_EQ(host_.streams.size(), 0u);
    say(i, std::string(line) + "hello");
    ASSERT_TRUE(opens(1));
    EXPECT_EQ(host_.streams.back().begin_remote, "192.0.2.7 5000");
    EXPECT_EQ(host_.streams.back().begin_local, "127.0.0.1 " + std::to_string(listener_.port()));
    auto& s = last();
    EXPECT_TRUE(host_.pump([&] { return s.data == "hello"; }));
    EXPECT_EQ(host_.timers(), 0u);
    host_.frame(&s, WEFT_ABORT);
    EXPECT_TRUE(host_.emitted.empty()) << said();
}

TEST_F(arrival_test, a_header_may_come_a_byte_at_a_time) {
    serve(proxied);
    const auto i = connect_peer();
    for (const char* at = line; *at; ++at) {
        say(i, std::string(1, *at));
        host_.poll_once(200);
        ASSERT_EQ(host_.streams.size(), at[1] ? 0u : 1u);
        if (at[1]) {
            EXPECT_FALSE(host_.poll_once(0)) << "what is there already wakes nobody";
        }
    }
    auto& s = last();
    say(i, "x");
    EXPECT_TRUE(host_.pump([&] { return s.data == "x"; })) << "the watermark is down again";
    host_.frame(&s, WEFT_ABORT);
}

TEST_F(arrival_test, who_is_no_proxy_is_closed) {
    serve(proxied);
    const auto i = connect_peer("127.0.0.2");
    EXPECT_TRUE(sees(i, "rst"));
    EXPECT_THAT(said(), HasSubstr("tcp.arrival.refused: Connection from 127.0.0.2:"));
    EXPECT_THAT(said(), HasSubstr("options.proxy-protocol.trusted"));
    EXPECT_TRUE(host_.streams.empty());
}

TEST_F(arrival_test, a_header_that_is_none_is_told) {
    serve(proxied);
    const auto i = connect_peer();
    say(i, "\x10\x0c");
    EXPECT_TRUE(sees(i, "rst"));
    EXPECT_THAT(said(), HasSubstr("its PROXY header is malformed: the first bytes of neither"));
    EXPECT_EQ(host_.timers(), 0u);
}

TEST_F(arrival_test, a_header_without_an_end_is_not_waited_for) {
    serve(proxied);
    const auto i = connect_peer();
    say(i, "PROXY TCP4 ");
    EXPECT_TRUE(host_.poll_once(1000));
    shutdown(peers_[i], SHUT_WR);
    EXPECT_TRUE(sees(i, "rst"));
    EXPECT_THAT(said(), HasSubstr("its PROXY header has no end"));
}

TEST_F(arrival_test, a_header_has_a_time_limit) {
    serve(proxied, "[null]", R"({"weft.binding.tcp.arrival.timeout.ms": "700"})");
    const auto i = connect_peer();
    say(i, "PROXY ");
    host_.poll_once(1000);
    host_.advance_ms(699);
    EXPECT_EQ(end_of(peers_[i], got_[i]), "open");
    host_.advance_ms(1);
    EXPECT_TRUE(sees(i, "rst"));
    EXPECT_THAT(said(), HasSubstr("its PROXY header did not come within 700 ms"));
}

TEST_F(arrival_test, a_proxy_that_only_looks_is_no_event) {
    serve(proxied);
    const auto i = connect_peer();
    shutdown(peers_[i], SHUT_WR);
    EXPECT_TRUE(sees(i, "fin"));
    EXPECT_TRUE(host_.emitted.empty()) << said();
    EXPECT_EQ(host_.timers(), 0u);
}

TEST_F(arrival_test, limits_count_whom_the_header_names) {
    serve(R"({"proxy-protocol": {"trusted": ["127.0.0.0/8"]}, "sources": {"connections": 1}})");
    const auto a = connect_peer();
    say(a, line);
    ASSERT_TRUE(opens(1));
    const auto b = connect_peer("127.0.0.2");
    say(b, line);
    EXPECT_TRUE(sees(b, "rst"));
    EXPECT_THAT(host_.emitted,
                ElementsAre(HasSubstr("Connections from 192.0.2.7 refused: 1 are open")));
    const auto c = connect_peer();
    say(c, "PROXY TCP4 192.0.2.8 10.0.0.1 5000 443\r\n");
    ASSERT_TRUE(opens(2)) << "another source by the same proxy";
    host_.frame(&host_.streams.front(), WEFT_ABORT);
    EXPECT_TRUE(sees(a, "rst"));
    const auto d = connect_peer();
    say(d, line);
    ASSERT_TRUE(opens(3)) << "its place is free again";
    for (auto& s : host_.streams) {
        if (!s.closed) host_.frame(&s, WEFT_ABORT);
    }
}

TEST_F(arrival_test, beyond_its_rate_a_source_gets_rst) {
    serve(R"({"sources": {"rate": 1, "burst": 2}})");
    connect_peer();
    connect_peer();
    ASSERT_TRUE(opens(2));
    const auto i = connect_peer();
    EXPECT_TRUE(sees(i, "rst"));
    EXPECT_THAT(host_.emitted,
                ElementsAre(HasSubstr("tcp.source.refused: Connections from 127.0.0.1 refused: "
                                      "more than 1 a second (options.sources.rate); 1 since")));
    connect_peer("127.0.0.9");
    ASSERT_TRUE(opens(3));
    host_.advance_ms(1000);
    connect_peer();
    ASSERT_TRUE(opens(4));
    for (auto& s : host_.streams) host_.frame(&s, WEFT_ABORT);
}

TEST_F(arrival_test, a_new_generation_goes_on_with_the_buckets) {
    serve(R"({"sources": {"rate": 1, "burst": 1}})");
    connect_peer();
    ASSERT_TRUE(opens(1));
    host_.frame(&host_.streams.back(), WEFT_ABORT);
    const auto old = std::move(binding_);
    serve(R"({"sources": {"rate": 1, "burst": 1, "remembered": 10}})");
    EXPECT_TRUE(sees(connect_peer(), "rst"));
    instance_.reset();
}

constexpr const char* mixed =
    R"([[{"protocol": "tls"}], [{"protocol": "http"}], [{"protocol": "mqtt"}, {"port": 7}], null])";

TEST_F(arrival_test, the_first_byte_decides_and_stays) {
    serve("{}", mixed);
    const std::vector<std::string> first{"\x16\x03\x01", "GET /", "\x10\x0c", "SSH", "hello"};
    const std::vector<uint64_t> exits{1, 2, 3, 2, 4};
    for (size_t i = 0; i < first.size(); ++i) {
        connect_peer();
        EXPECT_EQ(host_.streams.size(), i);
        say(i, first[i]);
        ASSERT_TRUE(opens(i + 1));
        auto& s = last();
        EXPECT_EQ(s.exit, exits[i]) << first[i];
        EXPECT_TRUE(host_.pump([&] { return s.data == first[i]; }));
        host_.frame(&s, WEFT_ABORT);
    }
    EXPECT_EQ(host_.timers(), 0u);
    EXPECT_TRUE(host_.emitted.empty());
}

TEST_F(arrival_test, nobody_waits_whose_route_is_known) {
    serve("{}", R"([[{"cidr": "127.0.0.0/8"}], [{"protocol": "tls"}]])");
    connect_peer();
    ASSERT_TRUE(opens(1));
    host_.frame(&host_.streams.back(), WEFT_ABORT);
    serve("{}", R"([[{"port": 1, "protocol": "tls"}], null])");
    connect_peer();
    ASSERT_TRUE(opens(2));
    EXPECT_EQ(host_.streams.back().exit, 2u);
    host_.frame(&host_.streams.back(), WEFT_ABORT);
}

TEST_F(arrival_test, what_begins_as_none_of_them_is_told) {
    serve("{}", R"([[{"protocol": "tls"}]])");
    const auto i = connect_peer();
    say(i, "?");
    EXPECT_TRUE(host_.pump([&] { return end_of(peers_[i], got_[i]) != "open"; }));
    EXPECT_THAT(said(), HasSubstr("no route matches, and it begins as none of tls, http and mqtt"));
}

TEST_F(arrival_test, a_silent_client_has_a_time_limit) {
    serve("{}", mixed);
    const auto i = connect_peer();
    host_.advance_ms(limits::arrival_timeout_ms - 1);
    EXPECT_EQ(end_of(peers_[i], got_[i]), "open");
    host_.advance_ms(1);
    EXPECT_TRUE(sees(i, "rst"));
    EXPECT_THAT(said(), HasSubstr("the first byte of its client did not come within 5000 ms"));
}

TEST_F(arrival_test, so_many_may_wait) {
    serve("{}", mixed, R"({"weft.binding.tcp.arrivals.maximum": "1"})");
    const auto a = connect_peer(), b = connect_peer();
    EXPECT_TRUE(sees(b, "rst"));
    EXPECT_THAT(said(), HasSubstr("1 wait for their first bytes"));
    say(a, "GET");
    ASSERT_TRUE(opens(1));
    connect_peer();
    host_.frame(&host_.streams.back(), WEFT_ABORT);
}

TEST_F(arrival_test, a_header_and_then_a_first_byte) {
    serve(proxied, mixed);
    const auto i = connect_peer();
    say(i, line);
    host_.poll_once(1000);
    EXPECT_TRUE(host_.streams.empty());
    say(i, "\x10");
    ASSERT_TRUE(opens(1));
    EXPECT_EQ(host_.streams.back().exit, 3u);
    EXPECT_EQ(host_.streams.back().begin_remote, "192.0.2.7 5000");
    host_.frame(&host_.streams.back(), WEFT_ABORT);
}

TEST_F(arrival_test, a_replaced_instance_stays_for_them) {
    serve("{}", mixed);
    const auto i = connect_peer();
    instance_->drain(WEFT_DRAIN_REPLACE, UINT64_MAX);
    EXPECT_EQ(host_.buffers_alive, 1) << "the host must not detach it";
    say(i, "GET");
    ASSERT_TRUE(opens(1));
    EXPECT_EQ(host_.buffers_alive, 0);
    host_.frame(&host_.streams.back(), WEFT_ABORT);
}

TEST_F(arrival_test, the_end_of_the_process_closes_them) {
    serve("{}", mixed);
    const auto i = connect_peer();
    instance_->drain(WEFT_DRAIN_STOP, UINT64_MAX);
    EXPECT_TRUE(sees(i, "fin"));
    EXPECT_EQ(host_.watches(), 0u);
    EXPECT_EQ(host_.timers(), 0u);
}

// ---- a guard that takes its time ----

namespace {

constexpr const char* authorized = R"({"proxy-protocol": {"trusted": ["127.0.0.1"]},
    "authorization": {"g": {"credentials": {"proxy": "common-name"}}}})";
const std::string from_anna = header_with(ssl_tlv(3, 0, common_name_tlv("anna")));

}  // namespace

TEST_F(arrival_test, who_it_is_is_awaited) {
    serve(authorized);
    const auto i = connect_peer();
    say(i, from_anna + "hello");
    ASSERT_TRUE(host_.pump([&] { return host_.asked.size() == 1; }));
    EXPECT_EQ(host_.asked[0], "anna");
    EXPECT_FALSE(host_.poll_once(0)) << "what the client says meanwhile wakes nobody";
    EXPECT_TRUE(host_.streams.empty());
    host_.answer("anna");
    ASSERT_EQ(host_.streams.size(), 1u);
    EXPECT_NE(host_.streams.back().auth, 0u);
    EXPECT_EQ(host_.streams.back().begin_remote, "192.0.2.1 56324");
    EXPECT_EQ(host_.timers(), 0u);
    auto& s = last();
    EXPECT_TRUE(host_.pump([&] { return s.data == "hello"; }));
    EXPECT_EQ(host_.sessions(), 1u);
    host_.frame(&s, WEFT_ABORT);
    EXPECT_EQ(host_.sessions(), 0u) << "the reference is given back";
}

// Bytes and answer together have the time that the bytes have.
TEST_F(arrival_test, a_guard_has_a_time_limit) {
    serve(authorized, "[null]", R"({"weft.binding.tcp.arrival.timeout.ms": "700"})");
    const auto i = connect_peer();
    host_.advance_ms(300);
    say(i, from_anna);
    ASSERT_TRUE(host_.pump([&] { return host_.asked.size() == 1; }));
    host_.advance_ms(399);
    EXPECT_EQ(end_of(peers_[i], got_[i]), "open");
    host_.advance_ms(1);
    EXPECT_TRUE(sees(i, "rst"));
    EXPECT_THAT(said(), HasSubstr("the answer of its guard did not come within 700 ms"));
    host_.answer("anna");
    EXPECT_EQ(host_.sessions(), 0u) << "nobody is there for it";
    EXPECT_TRUE(host_.streams.empty());
}

TEST_F(arrival_test, so_many_may_wait_for_a_guard) {
    serve(authorized, "[null]", R"({"weft.binding.tcp.arrivals.maximum": "1"})");
    const auto a = connect_peer();
    say(a, from_anna);
    ASSERT_TRUE(host_.pump([&] { return host_.asked.size() == 1; }));
    EXPECT_TRUE(sees(connect_peer(), "rst"));
    host_.answer(nullptr);
    EXPECT_TRUE(sees(a, "rst"));
    const auto c = connect_peer();
    say(c, from_anna);
    ASSERT_TRUE(host_.pump([&] { return host_.asked.size() == 2; }));
    host_.answer("anna");
    ASSERT_EQ(host_.streams.size(), 1u);
    host_.frame(&host_.streams.back(), WEFT_ABORT);
}

TEST_F(arrival_test, an_identity_outlasts_the_wait_for_a_first_byte) {
    serve(authorized, mixed);
    const auto i = connect_peer(), gone = connect_peer();
    for (const auto k : {i, gone}) say(k, from_anna);
    ASSERT_TRUE(host_.pump([&] { return host_.asked.size() == 2; }));
    host_.answer("anna");
    host_.answer("bob");
    EXPECT_EQ(host_.sessions(), 2u);
    shutdown(peers_[gone], SHUT_WR);
    EXPECT_TRUE(sees(gone, "fin"));
    EXPECT_EQ(host_.sessions(), 1u);
    say(i, "\x10");
    ASSERT_TRUE(opens(1));
    EXPECT_EQ(host_.streams.back().exit, 3u);
    EXPECT_EQ(host_.streams.back().auth, 1u);
    host_.frame(&host_.streams.back(), WEFT_ABORT);
    EXPECT_EQ(host_.sessions(), 0u);
}

TEST_F(arrival_test, answers_that_come_after_the_end) {
    serve(authorized);
    const auto i = connect_peer();
    say(i, from_anna);
    ASSERT_TRUE(host_.pump([&] { return host_.asked.size() == 1; }));
    instance_->drain(WEFT_DRAIN_REPLACE, UINT64_MAX);
    EXPECT_EQ(host_.buffers_alive, 1) << "the host must not detach it";
    instance_->drain(WEFT_DRAIN_STOP, UINT64_MAX);
    EXPECT_NE(end_of(peers_[i], got_[i]), "open");
    EXPECT_EQ(host_.timers(), 0u);
    host_.answer("anna");
    EXPECT_EQ(host_.sessions(), 0u);
    EXPECT_TRUE(host_.streams.empty());
}
