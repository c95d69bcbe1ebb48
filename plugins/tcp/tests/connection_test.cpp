// The data path on real sockets, with the stream's other side played by the test.
#include "connection.hpp"

#include "fake_host.hpp"
#include "sockets.hpp"

#include <weft/slab.hpp>

#include <gmock/gmock.h>

using namespace weft::tcp;
using testing::ElementsAre;

namespace {

struct test_hub : hub {
    using hub::hub;
    ~test_hub() override { close_lingering(); }
    void on_socket_closed(int) override { ++closed; }
    void destroy(connection& c) override { all.destroy(&c); }
    void take_leave_of_all(const weft_meta*) override {}
    int closed = 0;
    weft::slab<connection> all;
};

class connection_test : public testing::Test {
protected:
    ~connection_test() override {
        if (peer_ >= 0) close(peer_);
    }
    // A server's connection whose stream is open; `begun`: the other side has answered.
    void open(bool begun = true, uint32_t credit = 1 << 20) {
        std::tie(ours_, peer_) = connected_pair();
        ASSERT_GE(ours_, 0);
        auto* c = hub_.all.make(hub_, false);
        stream_ = host_.new_stream();
        stream_->vt = weft::endpoint::table();
        stream_->self = static_cast<weft::endpoint*>(c);
        c->serve(weft::stream(stream_));
        c->adopt(ours_);
        if (begun) host_.begin(stream_);
        if (credit) host_.grant(stream_, credit);
    }
    void peer_sends(const std::string& text) {
        ASSERT_EQ(send(peer_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    void peer_resets() { close_with_rst(std::exchange(peer_, -1)); }
    std::string peer_end() { return end_of(peer_, peer_got_); }
    // DATA until the socket takes no more.
    void block() {
        while (stream_->received + 1000 <= stream_->window_limit) {
            host_.data(stream_, {std::string(1000, 'z')});
            sent_ += 1000;
        }
        ASSERT_GT(stream_->received, stream_->acknowledged) << "the kernel took all";
    }

    fake_host host_;
    socket_config config_;
    test_hub hub_{host_.here(), config_};
    weft_stream* stream_ = nullptr;
    int ours_ = -1, peer_ = -1;
    size_t sent_ = 0;
    std::string peer_got_;
};

}  // namespace

TEST_F(connection_test, an_idle_connection_is_small_and_holds_no_buffer) {
    EXPECT_LE(sizeof(connection), 72u);
    open();
    peer_sends("hello");
    EXPECT_TRUE(host_.pump([&] { return stream_->data == "hello"; }));
    host_.data(stream_, {"answer"});
    EXPECT_TRUE(host_.pump([&] { return peer_end() == "open" && peer_got_ == "answer"; }));
    EXPECT_EQ(host_.buffers_alive, 0);
    EXPECT_EQ(host_.timers(), 0u);
    peer_resets();
    EXPECT_TRUE(host_.pump([&] { return stream_->closed; }));
    EXPECT_EQ(hub_.closed, 1);
}

TEST_F(connection_test, never_reads_more_than_the_credit) {
    open(true, 3);
    peer_sends("abcdefgh");
    EXPECT_TRUE(host_.pump([&] { return stream_->data == "abc"; }));
    host_.poll_once(0);
    EXPECT_FALSE(host_.poll_once(20)) << "without credit the socket is left alone";
    host_.grant(stream_, 2);
    EXPECT_TRUE(host_.pump([&] { return stream_->data == "abcde"; }));
    host_.grant(stream_, 100);
    EXPECT_TRUE(host_.pump([&] { return stream_->data == "abcdefgh"; }));
    peer_resets();
    host_.pump([&] { return stream_->closed; });
}

TEST_F(connection_test, reads_grow_while_they_fill_the_buffer) {
    open();
    for (int i = 0; i < 200; ++i) {
        peer_sends(std::string(4000, 'x'));
        host_.poll_once(100);
    }
    EXPECT_TRUE(host_.pump([&] { return stream_->data.size() == 800'000; }));
    EXPECT_GT(stream_->largest_data, limits::read_bytes_min);
    EXPECT_LE(stream_->largest_data, limits::read_bytes_max);
    peer_resets();
    host_.pump([&] { return stream_->closed; });
}

TEST_F(connection_test, half_close_by_the_peer) {
    open();
    peer_sends("question");
    shutdown(peer_, SHUT_WR);
    EXPECT_TRUE(host_.pump([&] { return !stream_->kinds.empty(); }));
    EXPECT_EQ(stream_->data, "question");
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_END));
    EXPECT_FALSE(host_.poll_once(20)) << "the FIN is not reported again and again";
    host_.data(stream_, {"answer"});
    host_.frame(stream_, WEFT_END);
    EXPECT_TRUE(stream_->closed);
    EXPECT_EQ(hub_.closed, 1) << "both sides are done: nothing to linger for";
    EXPECT_EQ(peer_end(), "fin");
    EXPECT_EQ(peer_got_, "answer");
}

TEST_F(connection_test, half_close_by_the_stream) {
    open();
    host_.data(stream_, {"bye"});
    host_.frame(stream_, WEFT_END);
    EXPECT_TRUE(host_.pump([&] { return peer_end() == "fin"; }));
    EXPECT_EQ(peer_got_, "bye");
    peer_sends("still here");
    EXPECT_TRUE(host_.pump([&] { return stream_->data == "still here"; }));
    close(std::exchange(peer_, -1));
    EXPECT_TRUE(host_.pump([&] { return stream_->closed; }));
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_END));
    EXPECT_EQ(hub_.closed, 1);
}

TEST_F(connection_test, credit_returns_for_what_the_kernel_took) {
    open();
    EXPECT_EQ(stream_->window_limit, limits::write_window_bytes);
    host_.data(stream_, {"abc", "defg"});
    EXPECT_EQ(stream_->acknowledged, 7u);
    block();
    EXPECT_LE(stream_->window_limit - stream_->acknowledged, limits::write_window_bytes);
    EXPECT_LT(stream_->window_limit - stream_->received, 1000u)
        << "no credit while the peer does not read";
    EXPECT_TRUE(host_.pump([&] {
        peer_end();
        return stream_->acknowledged == stream_->received;
    }));
    EXPECT_EQ(peer_got_.size(), 7 + sent_);
    EXPECT_EQ(host_.buffers_alive, 0);
    peer_resets();
    host_.pump([&] { return stream_->closed; });
}

TEST_F(connection_test, threshold_delays_credit) {
    config_.window_threshold_percent = 100;
    open();
    block();
    const uint64_t before = stream_->acknowledged;
    EXPECT_TRUE(host_.pump([&] {
        peer_end();
        return stream_->acknowledged != before;
    }));
    EXPECT_EQ(stream_->acknowledged, stream_->received) << "only when all is written";
    peer_resets();
    host_.pump([&] { return stream_->closed; });
}

TEST_F(connection_test, end_waits_for_what_is_queued) {
    open();
    block();
    host_.frame(stream_, WEFT_END);
    EXPECT_TRUE(host_.pump([&] { return peer_end() == "fin"; }));
    EXPECT_EQ(peer_got_.size(), sent_);
    EXPECT_FALSE(stream_->closed) << "the other direction goes on";
    peer_resets();
    host_.pump([&] { return stream_->closed; });
}

TEST_F(connection_test, abort_is_rst) {
    open();
    block();
    host_.frame(stream_, WEFT_ABORT);
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_ABORT));
    EXPECT_TRUE(stream_->closed == false || stream_->in_over);
    std::string got;
    std::string end;
    for (int i = 0; i < 100 && (end = end_of(peer_, got)) == "open"; ++i) poll(nullptr, 0, 1);
    EXPECT_EQ(end, "rst");
    EXPECT_EQ(hub_.closed, 1);
    EXPECT_EQ(host_.buffers_alive, 0);
}

TEST_F(connection_test, reset_before_the_answer_is_rst) {
    open(false);
    host_.frame(stream_, WEFT_RESET);
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_RESET));
    EXPECT_TRUE(stream_->closed);
    EXPECT_EQ(peer_end(), "rst");
    EXPECT_EQ(hub_.closed, 1);
}

TEST_F(connection_test, last_words_reach_the_peer_although_its_input_is_refused) {
    open();
    peer_sends("nobody reads this");
    host_.data(stream_, {"refused: 0x87"});
    host_.frame(stream_, WEFT_END);
    host_.frame(stream_, WEFT_RESET);
    EXPECT_TRUE(stream_->closed);
    EXPECT_EQ(hub_.closed, 0) << "it lingers";
    peer_sends("nor this");
    EXPECT_TRUE(host_.pump([&] { return peer_end() == "fin"; }));
    EXPECT_EQ(peer_got_, "refused: 0x87");
    close(std::exchange(peer_, -1));
    EXPECT_TRUE(host_.pump([&] { return hub_.closed == 1; }));
    EXPECT_EQ(host_.timers(), 0u);
    EXPECT_EQ(host_.watches(), 0u);
}

TEST_F(connection_test, lingering_writes_what_was_queued) {
    open();
    block();
    host_.frame(stream_, WEFT_RESET);
    EXPECT_TRUE(stream_->closed);
    EXPECT_TRUE(host_.pump([&] { return peer_end() == "fin"; }));
    EXPECT_EQ(peer_got_.size(), sent_);
    close(std::exchange(peer_, -1));
    EXPECT_TRUE(host_.pump([&] { return hub_.closed == 1; }));
}

TEST_F(connection_test, lingering_ends_in_time) {
    open();
    block();
    host_.frame(stream_, WEFT_RESET);
    host_.advance_ms(limits::linger_ms - 1);
    EXPECT_EQ(hub_.closed, 0);
    host_.advance_ms(1);
    EXPECT_EQ(hub_.closed, 1);
    EXPECT_EQ(host_.buffers_alive, 0);
    EXPECT_TRUE(host_.pump([&] { return peer_end() == "rst"; }))
        << "what was lost is not passed off as all";
}

TEST_F(connection_test, lingering_has_a_limit_for_what_the_peer_still_sends) {
    open();
    host_.frame(stream_, WEFT_END);
    host_.frame(stream_, WEFT_RESET);
    const std::string flood(8192, 'f');
    EXPECT_TRUE(host_.pump([&] {
        send(peer_, flood.data(), flood.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return hub_.closed == 1;
    }));
}

TEST_F(connection_test, a_hub_that_ends_closes_what_lingers) {
    std::tie(ours_, peer_) = connected_pair();
    {
        test_hub other(host_.here(), config_);
        other.linger(ours_, nullptr);
        EXPECT_EQ(host_.watches(), 1u);
    }
    EXPECT_EQ(host_.watches(), 0u);
    EXPECT_EQ(host_.timers(), 0u);
}

TEST_F(connection_test, reset_by_the_peer) {
    open();
    peer_sends("last");
    peer_resets();
    EXPECT_TRUE(host_.pump([&] { return stream_->closed; }));
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_ABORT, WEFT_RESET));
    EXPECT_EQ(stream_->error, ECONNRESET);
    EXPECT_EQ(stream_->text, "read: Connection reset by peer");
    EXPECT_EQ(hub_.closed, 1);
}

TEST_F(connection_test, reset_by_the_peer_without_credit) {
    open(true, 0);
    peer_sends("unread");
    host_.poll_once(100);
    peer_resets();
    EXPECT_TRUE(host_.pump([&] { return stream_->closed; }));
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_ABORT, WEFT_RESET));
}

TEST_F(connection_test, the_end_needs_no_credit) {
    open(true, 0);
    shutdown(peer_, SHUT_WR);
    EXPECT_TRUE(host_.pump([&] { return !stream_->kinds.empty(); }));
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_END));
    EXPECT_FALSE(host_.poll_once(20));
    host_.frame(stream_, WEFT_END);
    EXPECT_TRUE(stream_->closed);
}

// Both sides have sent FIN, input is left and there is no credit: poll and epoll report that for
// ever.
TEST_F(connection_test, a_hangup_that_has_to_wait_for_credit_does_not_spin) {
    open(true, 0);
    host_.frame(stream_, WEFT_END);
    peer_sends("unread");
    close(std::exchange(peer_, -1));
    for (int i = 0; i < 10; ++i) host_.poll_once(5);
    EXPECT_FALSE(host_.poll_once(20));
    EXPECT_FALSE(stream_->closed);
    host_.grant(stream_, 100);
    EXPECT_TRUE(host_.pump([&] { return stream_->closed; }));
    EXPECT_EQ(stream_->data, "unread");
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_END));
}

TEST_F(connection_test, what_the_peer_sent_before_it_went_is_delivered_when_a_write_fails) {
    open();
    peer_sends("farewell");
    peer_resets();
    host_.data(stream_, {"too late"});
    if (!stream_->closed) host_.data(stream_, {"too late"});
    EXPECT_TRUE(host_.pump([&] { return stream_->closed; }));
    EXPECT_EQ(stream_->data, "farewell");
    EXPECT_THAT(stream_->kinds, testing::Contains(WEFT_ABORT));
    EXPECT_EQ(hub_.closed, 1);
}

TEST_F(connection_test, lack_of_memory_pauses_reading) {
    open();
    host_.out_of_memory = true;
    peer_sends("patience");
    host_.poll_once(100);
    EXPECT_FALSE(host_.poll_once(20));
    host_.out_of_memory = false;
    host_.advance_ms(limits::read_retry_ms);
    EXPECT_TRUE(host_.pump([&] { return stream_->data == "patience"; }));
    peer_resets();
    host_.pump([&] { return stream_->closed; });
}

TEST_F(connection_test, a_connection_that_goes_while_paused_is_forgotten) {
    open();
    host_.out_of_memory = true;
    peer_sends("patience");
    host_.poll_once(100);
    host_.frame(stream_, WEFT_ABORT);
    EXPECT_TRUE(stream_->closed);
    host_.out_of_memory = false;
    host_.advance_ms(limits::read_retry_ms);
    EXPECT_EQ(hub_.closed, 1);
}

TEST_F(connection_test, a_connection_that_goes_with_data_of_this_turn_is_forgotten) {
    open();
    weft_slice s{nullptr, reinterpret_cast<const uint8_t*>("x"), 1, 0};
    const weft_data d{{sizeof d, WEFT_DATA, WEFT_INIT | WEFT_FIN, 0, 0, nullptr}, 0, 0, 1, 1, &s};
    stream_->received += 1;
    stream_->vt->on_frame(stream_->self, stream_, &d.h);
    stream_->in_over = stream_->out_over = stream_->closed = true;
    const weft_frame abort{sizeof abort, WEFT_ABORT, 0, 0, 0, nullptr};
    stream_->vt->on_frame(stream_->self, stream_, &abort);
    stream_->vt->on_closed(stream_->self, stream_);
    host_.end_turn();
    EXPECT_EQ(hub_.closed, 1);
}

TEST_F(connection_test, a_host_without_room_for_a_watch) {
    host_.no_watches = true;
    open(false, 0);
    host_.end_turn();
    EXPECT_TRUE(stream_->closed);
    EXPECT_THAT(stream_->kinds, ElementsAre(WEFT_ABORT, WEFT_RESET));
    EXPECT_EQ(hub_.closed, 1);
}
