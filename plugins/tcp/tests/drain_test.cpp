// An instance that is replaced: its leases, the connections that stay, and the end of its time.
#include "client.hpp"
#include "fake_host.hpp"
#include "server.hpp"
#include "sockets.hpp"

#include <gmock/gmock.h>

using namespace weft::tcp;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace {

constexpr uint64_t no_deadline = UINT64_MAX;

class drain_test : public testing::Test {
protected:
    ~drain_test() override {
        for (const int fd : peers_) close(fd);
    }

    struct generation {
        server_binding binding;
        std::unique_ptr<weft::instance> instance;

        generation(fake_host& h, const weft::binding_config& c) : binding(c) {
            instance = binding.attach(h.here());
        }
        void drain(uint32_t why, uint64_t deadline_ns) { instance->drain(why, deadline_ns); }
    };
    std::unique_ptr<generation> serve(const char* options = R"({"host": "a", "port": 1})",
                                      const char* when = nullptr) {
        weft::binding_config c;
        c.ns = "test";
        c.name = "server";
        c.options = nlohmann::json::parse(options);
        c.properties = nlohmann::json::object();
        c.routes.push_back(
            {nullptr, when ? nlohmann::json::parse(when) : nlohmann::json(), nullptr, 7, ""});
        host_.listening = listener_.fd();
        return std::make_unique<generation>(host_, c);
    }
    int connect_peer() {
        const auto a = *socket_address::parse("127.0.0.1", listener_.port());
        peers_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(peers_.back(), &a.generic, a.size()), 0);
        return peers_.back();
    }
    weft_stream* accept_peer() {
        const size_t before = host_.streams.size();
        connect_peer();
        EXPECT_TRUE(host_.pump([&] { return host_.streams.size() > before; }));
        weft_stream* s = &host_.streams.back();
        host_.begin(s);
        host_.grant(s, 1 << 16);
        return s;
    }
    bool peer_sees(const std::string& how) {
        return host_.pump([&] { return end_of(peers_.back(), got_) == how; });
    }
    void close_peer() {
        close(peers_.back());
        peers_.pop_back();
    }
    // Nothing is left that the host would wait for, or that would have to be cancelled.
    void expect_nothing_left() {
        EXPECT_EQ(host_.buffers_alive, 0);
        EXPECT_EQ(host_.watches(), 0u);
        EXPECT_EQ(host_.timers(), 0u);
        EXPECT_EQ(host_.leases, 0);
    }

    fake_host host_;
    listening_socket listener_{"127.0.0.1", 16, SOCK_NONBLOCK};
    std::vector<int> peers_;
    std::string got_;
};

}  // namespace

TEST_F(drain_test, a_replaced_server_gives_its_leases_back_and_serves_on) {
    auto old = serve();
    auto* s = accept_peer();
    old->drain(WEFT_DRAIN_REPLACE, no_deadline);
    EXPECT_EQ(host_.leases, 0);
    EXPECT_EQ(host_.watches(), 1u);
    connect_peer();
    EXPECT_FALSE(host_.poll_once(20)) << "who comes now is the next generation's";
    close_peer();
    send(peers_.back(), "still here", 10, 0);
    EXPECT_TRUE(host_.pump([&] { return s->data == "still here"; }));
    host_.data(s, {"so are we"});
    EXPECT_TRUE(host_.pump([&] { return end_of(peers_.back(), got_) == "open" && !got_.empty(); }));
    EXPECT_EQ(got_, "so are we");
    close_peer();
    EXPECT_TRUE(host_.pump([&] { return !s->kinds.empty(); }));
    EXPECT_THAT(s->kinds, ElementsAre(WEFT_END));
    host_.frame(s, WEFT_END);
    EXPECT_TRUE(s->closed);
    expect_nothing_left();
}

TEST_F(drain_test, two_generations_listen_side_by_side) {
    auto old = serve();
    auto fresh = serve();
    old->drain(WEFT_DRAIN_REPLACE, no_deadline);
    EXPECT_EQ(host_.leases, 1);
    auto* s = accept_peer();
    close_peer();
    EXPECT_TRUE(host_.pump([&] { return !s->kinds.empty(); }));
    host_.frame(s, WEFT_END);
}

TEST_F(drain_test, a_connection_that_waits_for_a_name_is_served) {
    auto old = serve(R"({"host": "a", "port": 1})", R"([{"authority": "*"}])");
    connect_peer();
    EXPECT_TRUE(host_.pump([&] { return host_.tasks() == 1; }));
    old->drain(WEFT_DRAIN_REPLACE, no_deadline);
    host_.run_tasks();
    ASSERT_EQ(host_.streams.size(), 1u);
    host_.frame(&host_.streams.back(), WEFT_ABORT);
    EXPECT_TRUE(host_.streams.back().closed);
}

TEST_F(drain_test, unless_the_process_ends) {
    auto old = serve(R"({"host": "a", "port": 1})", R"([{"authority": "*"}])");
    connect_peer();
    EXPECT_TRUE(host_.pump([&] { return host_.tasks() == 1; }));
    old->drain(WEFT_DRAIN_STOP, no_deadline);
    host_.run_tasks();
    EXPECT_EQ(host_.streams.size(), 0u);
    EXPECT_TRUE(peer_sees("fin"));
}

TEST_F(drain_test, at_the_deadline_the_stream_is_ended_and_its_last_words_are_written) {
    auto old = serve();
    auto* s = accept_peer();
    old->drain(WEFT_DRAIN_REPLACE, host_.now_ns() + 2'000'000'000);
    host_.advance_ms(1'999);
    EXPECT_TRUE(s->kinds.empty());
    host_.advance_ms(1);
    EXPECT_THAT(s->kinds, ElementsAre(WEFT_END));
    EXPECT_EQ(s->error, ESHUTDOWN);
    send(peers_.back(), "unheard", 7, 0);
    host_.data(s, {"goodbye"});
    host_.frame(s, WEFT_END);
    EXPECT_TRUE(s->closed);
    EXPECT_EQ(host_.buffers_alive, 1) << "the host must not detach while the socket lingers";
    EXPECT_TRUE(peer_sees("fin"));
    EXPECT_EQ(got_, "goodbye");
    close_peer();
    EXPECT_TRUE(host_.pump([&] { return host_.buffers_alive == 0; }));
    expect_nothing_left();
}

TEST_F(drain_test, an_earlier_deadline_counts) {
    auto old = serve();
    auto* s = accept_peer();
    old->drain(WEFT_DRAIN_REPLACE, no_deadline);
    EXPECT_EQ(host_.timers(), 0u);
    old->drain(WEFT_DRAIN_REPLACE, host_.now_ns() + 5'000'000'000);
    old->drain(WEFT_DRAIN_REPLACE, host_.now_ns() + 1'000'000'000);
    old->drain(WEFT_DRAIN_REPLACE, host_.now_ns() + 9'000'000'000);
    EXPECT_EQ(host_.timers(), 1u);
    host_.advance_ms(1'000);
    EXPECT_THAT(s->kinds, ElementsAre(WEFT_END));
    host_.frame(s, WEFT_ABORT);
    expect_nothing_left();
}

TEST_F(drain_test, an_instance_that_goes_before_its_deadline_leaves_no_timer) {
    auto old = serve();
    old->drain(WEFT_DRAIN_REMOVE, host_.now_ns() + 5'000'000'000);
    old.reset();
    expect_nothing_left();
}

TEST_F(drain_test, the_limit_counts_all_generations) {
    const char* options = R"({"host": "a", "port": 1, "connections": 1})";
    auto old = serve(options);
    auto* s = accept_peer();
    auto fresh = serve(options);
    old->drain(WEFT_DRAIN_REPLACE, no_deadline);
    connect_peer();
    EXPECT_TRUE(peer_sees("fin"));
    EXPECT_EQ(host_.streams.size(), 1u);
    EXPECT_THAT(host_.emitted, ElementsAre(HasSubstr("the limit of 1 connections is reached")));
    host_.frame(s, WEFT_ABORT);
    old.reset();
    EXPECT_FALSE(accept_peer()->closed);
    host_.frame(&host_.streams.back(), WEFT_ABORT);
}

class client_drain_test : public testing::Test {
protected:
    client_drain_test() {
        weft::binding_config c;
        c.options = {{"host", "127.0.0.1"}, {"port", listener_.port()}};
        c.properties = nlohmann::json::object();
        config_.emplace(c);
        instance_.emplace(host_.here(), *config_);
    }
    weft_stream* open() {
        const weft_begin b{{sizeof b, WEFT_BEGIN, 0, 0, 0, nullptr}, 0, 0};
        weft_stream* s = host_.new_stream();
        s->vt = weft::endpoint::table();
        s->self = instance_->accept(weft::stream(s), b);
        host_.end_turn();
        return s;
    }
    bool begun(const weft_stream* s) { return !s->kinds.empty(); }

    fake_host host_;
    const listening_socket listener_;
    std::optional<client_config> config_;
    std::optional<client_instance> instance_;
};

TEST_F(client_drain_test, openers_are_asked_to_move_once_there_is_a_connection) {
    auto* a = open();
    ASSERT_TRUE(host_.pump([&] { return begun(a); }));
    auto* b = open();
    instance_->drain(WEFT_DRAIN_REPLACE, no_deadline);
    instance_->drain(WEFT_DRAIN_REPLACE, no_deadline);
    EXPECT_THAT(a->kinds, ElementsAre(WEFT_BEGIN, WEFT_DRAIN));
    EXPECT_TRUE(b->kinds.empty());
    ASSERT_TRUE(host_.pump([&] { return begun(b); }));
    EXPECT_THAT(b->kinds, ElementsAre(WEFT_BEGIN, WEFT_DRAIN));
    for (auto* s : {a, b}) host_.frame(s, WEFT_ABORT);
    EXPECT_EQ(host_.watches(), 0u);
}

TEST_F(client_drain_test, nobody_is_asked_when_the_process_ends) {
    auto* s = open();
    ASSERT_TRUE(host_.pump([&] { return begun(s); }));
    instance_->drain(WEFT_DRAIN_STOP, no_deadline);
    EXPECT_THAT(s->kinds, Not(Contains(WEFT_DRAIN)));
    host_.frame(s, WEFT_ABORT);
}

TEST_F(client_drain_test, at_the_deadline_connections_end_and_attempts_are_given_up) {
    auto* a = open();
    ASSERT_TRUE(host_.pump([&] { return begun(a); }));
    auto* b = open();
    instance_->drain(WEFT_DRAIN_REPLACE, host_.now_ns());
    host_.advance_ms(0);
    EXPECT_THAT(a->kinds, ElementsAre(WEFT_BEGIN, WEFT_DRAIN, WEFT_END));
    EXPECT_EQ(a->error, ESHUTDOWN);
    EXPECT_THAT(b->kinds, ElementsAre(WEFT_RESET, WEFT_ABORT));
    EXPECT_TRUE(b->closed);
    EXPECT_EQ(instance_->accept(weft::stream(host_.new_stream()), {}), nullptr);
    host_.frame(a, WEFT_ABORT);
    EXPECT_TRUE(a->closed);
    EXPECT_EQ(host_.watches(), 0u);
    EXPECT_EQ(host_.timers(), 0u);
}
