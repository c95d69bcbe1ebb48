// A server that is replaced or ends: who stays, who is told what, and when.
#include "server_fixture.hpp"

namespace weft::mqtt {
namespace {

constexpr uint64_t second = 1'000'000'000;

struct drain_test : server_test {
    uint64_t in(uint64_t seconds) { return host.here().now_ns() + seconds * second; }
};

TEST_F(drain_test, connections_of_a_replaced_server_go_on) {
    auto c = connect_v5();
    the_server().drain(WEFT_DRAIN_REPLACE, UINT64_MAX);
    EXPECT_EQ(c.take(), "");
    EXPECT_FALSE(c.ended());
    c.send_hex("32 { 0001 't' 0007 00 'x' }");
    EXPECT_EQ(c.take_session(WEFT_DATA).payload, "x");
    provider_acks(c, 4, 7);
    EXPECT_EQ(c.take_hex(), to_hex(hex("40 02 0007")));
    host.advance_ms(60'000);
    c.send_hex("c0 00");
    EXPECT_EQ(c.take_hex(), to_hex(hex("d0 00")));
}

// It was on its way when the exits were switched.
TEST_F(drain_test, who_comes_late_is_served) {
    the_server().drain(WEFT_DRAIN_REPLACE, UINT64_MAX);
    auto c = connect_v5();
    EXPECT_FALSE(c.ended());
    c.send_hex("c0 00");
    EXPECT_EQ(c.take_hex(), to_hex(hex("d0 00")));
}

TEST_F(drain_test, at_the_deadline_each_version_is_told_what_it_can_be_told) {
    auto five = connect_v5();
    auto four = connect_v4();
    auto nameless = accept();
    the_server().drain(WEFT_DRAIN_REPLACE, in(2));
    host.advance_ms(1'999);
    EXPECT_FALSE(five.ended() || four.ended() || nameless.ended());
    host.advance_ms(1);
    const std::string last = five.take();
    ASSERT_GE(last.size(), 3u);
    EXPECT_EQ(to_hex(last.substr(0, 1)), to_hex(hex("e0")));
    EXPECT_EQ(to_hex(last.substr(2, 1)), to_hex(hex("8b")));
    EXPECT_TRUE(five.ended());
    EXPECT_EQ(four.take(), "");
    EXPECT_TRUE(four.ended());
    EXPECT_TRUE(nameless.ended());
    for (const auto* c : {&five, &four}) EXPECT_TRUE(c->session_sent(WEFT_ABORT));
    EXPECT_EQ(accept().net, nullptr);
}

TEST_F(drain_test, an_earlier_deadline_counts_and_a_later_one_does_not) {
    auto c = connect_v5();
    the_server().drain(WEFT_DRAIN_REPLACE, in(10));
    the_server().drain(WEFT_DRAIN_REPLACE, in(1));
    the_server().drain(WEFT_DRAIN_REPLACE, in(20));
    host.advance_ms(1'000);
    EXPECT_TRUE(c.ended());
}

TEST_F(drain_test, the_end_of_the_process_does_not_wait_for_the_deadline) {
    auto c = connect_v5();
    the_server().drain(WEFT_DRAIN_REPLACE, in(10));
    the_server().drain(WEFT_DRAIN_STOP, in(1));
    EXPECT_TRUE(c.ended());
}

// A tcp server whose own time is over ends the stream in this way.
TEST_F(drain_test, a_network_that_gives_up_still_carries_the_goodbye) {
    auto c = connect_v5();
    meta_writer<weft_tcp_reset> why;
    why->error = 108;
    host.deliver_bare(c.net, WEFT_END, why.get());
    const std::string last = c.take();
    ASSERT_GE(last.size(), 3u);
    EXPECT_EQ(to_hex(last.substr(2, 1)), to_hex(hex("8b")));
    EXPECT_TRUE(c.ended());
    EXPECT_TRUE(c.session_sent(WEFT_ABORT));
}

TEST_F(drain_test, a_provider_that_is_replaced_ends_its_clients_with_its_reason) {
    auto c = connect_v5();
    host.deliver_bare(c.session, WEFT_DRAIN);
    EXPECT_FALSE(c.ended()) << "a session cannot move";
    provider_ends(c, WEFT_RESET, 0x8b, "replaced");
    const std::string last = c.take();
    ASSERT_GE(last.size(), 3u);
    EXPECT_EQ(to_hex(last.substr(2, 1)), to_hex(hex("8b")));
}

}  // namespace
}  // namespace weft::mqtt
