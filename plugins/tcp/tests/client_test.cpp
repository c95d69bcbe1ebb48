// The client kind: destinations, races, refusals and time limits, on real sockets.
#include "client.hpp"

#include "fake_host.hpp"
#include "sockets.hpp"

#include <gmock/gmock.h>

using namespace weft::tcp;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class client_test : public testing::Test {
protected:
    void make(const char* options, const char* when = nullptr, const char* properties = "{}") {
        weft::binding_config c;
        c.options = nlohmann::json::parse(options);
        c.properties = nlohmann::json::parse(properties);
        if (when) c.routes.push_back({nullptr, nlohmann::json::parse(when), nullptr, 0, ""});
        config_.emplace(c);
        instance_.emplace(host_.here(), *config_);
    }
    void make_fixed(uint16_t port, const char* host = "127.0.0.1") {
        make((R"({"host": ")" + std::string(host) + R"(", "port": )" + std::to_string(port) + "}")
                 .c_str());
    }
    weft_stream* open(const char* host = nullptr, uint16_t port = 0) {
        weft::meta_writer<weft_tcp_begin> m;
        if (host) m->remote_host = m.text(host);
        m->remote_port = port;
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, 0, m.get()}, 0, 0};
        weft_stream* s = host_.new_stream();
        auto* e = instance_->accept(weft::stream(s), b);
        s->vt = weft::endpoint::table();
        s->self = e;
        host_.end_turn();
        return s;
    }
    bool begun(const weft_stream* s) const {
        return !s->kinds.empty() && s->kinds[0] == WEFT_BEGIN;
    }
    void finish(weft_stream* s) {
        if (!s->closed) host_.frame(s, WEFT_ABORT);
        EXPECT_TRUE(s->closed);
    }

    fake_host host_;
    std::optional<client_config> config_;
    std::optional<client_instance> instance_;
};

}  // namespace

TEST_F(client_test, connects_to_the_fixed_destination) {
    const listening_socket l;
    make_fixed(l.port());
    auto* s = open();
    EXPECT_EQ(s->window_limit, 0u) << "no credit before there is a connection";
    ASSERT_TRUE(host_.pump([&] { return begun(s); }));
    EXPECT_EQ(s->begin_remote, "127.0.0.1 " + std::to_string(l.port()));
    EXPECT_THAT(s->begin_local, HasSubstr("127.0.0.1 "));
    EXPECT_EQ(s->window_limit, limits::write_window_bytes);
    const int peer = l.accept_one();
    host_.data(s, {"hello"});
    char text[8] = {};
    EXPECT_EQ(recv(peer, text, sizeof text, 0), 5);
    close(peer);
    finish(s);
    EXPECT_EQ(host_.timers(), 0u);
    EXPECT_EQ(host_.watches(), 0u);
}

TEST_F(client_test, connects_to_the_destination_of_the_stream) {
    const listening_socket l;
    make("{}");
    auto* s = open("127.0.0.1", l.port());
    ASSERT_TRUE(host_.pump([&] { return begun(s); }));
    finish(s);
}

TEST_F(client_test, end_before_the_connection_is_a_fin_after_it) {
    const listening_socket l;
    make_fixed(l.port());
    auto* s = open();
    host_.frame(s, WEFT_END);
    ASSERT_TRUE(host_.pump([&] { return begun(s); }));
    const int peer = l.accept_one();
    char byte = 0;
    EXPECT_EQ(recv(peer, &byte, 1, 0), 0);
    close(peer);
    EXPECT_TRUE(host_.pump([&] { return s->closed; }));
}

TEST_F(client_test, refused) {
    uint16_t port = 0;
    {
        const listening_socket l;
        port = l.port();
    }
    make_fixed(port);
    auto* s = open();
    ASSERT_TRUE(host_.pump([&] { return s->closed; }));
    EXPECT_THAT(s->kinds, ElementsAre(WEFT_RESET, WEFT_ABORT));
    EXPECT_EQ(s->error, ECONNREFUSED);
    EXPECT_EQ(s->text, "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
    EXPECT_EQ(host_.timers(), 0u);
}

TEST_F(client_test, no_destination) {
    make("{}");
    EXPECT_TRUE(open()->closed);
    auto* s = open("127.0.0.1", 0);
    EXPECT_TRUE(s->closed);
    EXPECT_THAT(s->text, HasSubstr("no destination"));
}

TEST_F(client_test, a_name_is_resolved_in_the_task_pool) {
    const listening_socket l;
    make("{}");
    auto* s = open("localhost", l.port());
    EXPECT_EQ(host_.tasks(), 1u);
    EXPECT_FALSE(host_.poll_once(0));
    host_.run_tasks();
    ASSERT_TRUE(host_.pump([&] { return begun(s); }))
        << "::1 is refused at once if it is there, then 127.0.0.1 is tried";
    finish(s);
}

TEST_F(client_test, a_stream_that_goes_while_its_name_is_looked_up) {
    make("{}");
    auto* s = open("localhost", 1);
    host_.frame(s, WEFT_ABORT);
    EXPECT_TRUE(s->closed);
    EXPECT_EQ(host_.timers(), 0u);
    host_.run_tasks();
    EXPECT_EQ(host_.watches(), 0u);
}

TEST_F(client_test, a_stream_that_is_reset_while_it_connects) {
    const listening_socket l;
    make_fixed(l.port());
    auto* s = open();
    host_.frame(s, WEFT_RESET);
    EXPECT_FALSE(s->closed && s->kinds.empty());
    EXPECT_TRUE(s->closed);
    EXPECT_EQ(host_.timers(), 0u);
    EXPECT_EQ(host_.watches(), 0u);
}

TEST_F(client_test, an_unknown_name_is_an_event_and_a_reset) {
    make("{}");
    for (int i = 0; i < 3; ++i) {
        auto* s = open("no-such-host.invalid", 9092);
        host_.run_tasks();
        EXPECT_TRUE(s->closed);
        EXPECT_THAT(s->text, HasSubstr("connect to no-such-host.invalid:9092: "));
    }
    EXPECT_THAT(host_.emitted, ElementsAre("binding.tcp.dns.failed: Unable to resolve host dns for "
                                           "address (no-such-host.invalid)."));
    host_.advance_ms(weft::event_limit::interval_ms_default);
    open("no-such-host.invalid", 9092);
    host_.run_tasks();
    EXPECT_THAT(host_.emitted.back(),
                HasSubstr("(no-such-host.invalid). (and 2 more before this one)"));
}

TEST_F(client_test, time_limit_of_a_lookup) {
    make("{}", nullptr, R"({"zilla.binding.tcp.connect.timeout.ms": "100"})");
    auto* s = open("localhost", 1);
    host_.advance_ms(99);
    EXPECT_FALSE(s->closed);
    host_.advance_ms(1);
    EXPECT_TRUE(s->closed);
    EXPECT_EQ(s->error, ETIMEDOUT);
    EXPECT_EQ(s->text, "connect to localhost:1: the name was not resolved within 100 ms");
    host_.run_tasks();
}

// A listener whose queue is full leaves a SYN unanswered.
TEST_F(client_test, time_limit_of_a_connect) {
    const listening_socket l("127.0.0.1", 0);
    std::vector<int> filling;
    for (int i = 0; i < 4; ++i) {
        filling.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        const auto a = *socket_address::parse("127.0.0.1", l.port());
        connect(filling.back(), &a.generic, a.size());
    }
    make_fixed(l.port());
    auto* s = open();
    EXPECT_FALSE(host_.poll_once(50));
    host_.advance_ms(limits::connect_timeout_ms);
    EXPECT_TRUE(s->closed);
    EXPECT_EQ(s->text,
              "connect to 127.0.0.1:" + std::to_string(l.port()) + ": no answer within 10000 ms");
    EXPECT_EQ(host_.watches(), 0u);
    for (const int fd : filling) close(fd);
}

TEST_F(client_test, routes_permit_a_destination_of_the_stream) {
    const listening_socket l;
    const auto port = std::to_string(l.port());
    make("{}", (R"([{"cidr": "127.0.0.0/8", "port": )" + port + "}]").c_str());
    auto* s = open("127.0.0.1", l.port());
    ASSERT_TRUE(host_.pump([&] { return begun(s); }));
    finish(s);
    auto* other_port = open("127.0.0.1", 1);
    EXPECT_TRUE(other_port->closed);
    EXPECT_EQ(other_port->error, EACCES);
    auto* other_network = open("192.0.2.1", l.port());
    EXPECT_TRUE(other_network->closed);
    EXPECT_THAT(other_network->text, HasSubstr("do not permit"));
}

TEST_F(client_test, routes_by_the_name_that_was_asked_for) {
    make("{}", R"([{"authority": "*.example.com"}])");
    auto* s = open("localhost", 1);
    host_.run_tasks();
    EXPECT_TRUE(s->closed);
    EXPECT_EQ(s->error, EACCES);
}

TEST_F(client_test, a_fixed_destination_binds_unless_routes_permit_another) {
    const listening_socket fixed, asked;
    make_fixed(fixed.port());
    auto* s = open("127.0.0.1", asked.port());
    ASSERT_TRUE(host_.pump([&] { return begun(s); }));
    EXPECT_EQ(s->begin_remote, "127.0.0.1 " + std::to_string(fixed.port()));
    finish(s);

    instance_.reset();
    make((R"({"host": "127.0.0.1", "port": )" + std::to_string(fixed.port()) + "}").c_str(),
         R"([{"cidr": "0.0.0.0/0"}])");
    auto* chosen = open("127.0.0.1", asked.port());
    ASSERT_TRUE(host_.pump([&] { return begun(chosen); }));
    EXPECT_EQ(chosen->begin_remote, "127.0.0.1 " + std::to_string(asked.port()));
    finish(chosen);
    auto* none = open();
    ASSERT_TRUE(host_.pump([&] { return begun(none); }));
    EXPECT_EQ(none->begin_remote, "127.0.0.1 " + std::to_string(fixed.port()));
    finish(none);
}
