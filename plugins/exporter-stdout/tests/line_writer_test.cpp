#include "line_writer.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>

using weft::exporter_stdout::line_state;
using weft::exporter_stdout::line_writer;

namespace {

class line_writer_test : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(pipe(ends_), 0); }
    void TearDown() override {
        close_end(0);
        close_end(1);
    }
    void close_end(int i) {
        if (ends_[i] >= 0) close(ends_[i]);
        ends_[i] = -1;
    }
    std::string read_all() {
        fcntl(ends_[0], F_SETFL, O_NONBLOCK);
        std::string out;
        char buffer[65536];
        for (ssize_t n = 0; (n = read(ends_[0], buffer, sizeof buffer)) > 0;)
            out.append(buffer, static_cast<size_t>(n));
        return out;
    }
    int ends_[2] = {-1, -1};
    line_state state_;
};

}  // namespace

TEST_F(line_writer_test, lines_in_order) {
    line_writer w(ends_[1], state_);
    w.write("one\n");
    w.write("two\n");
    EXPECT_EQ(read_all(), "one\ntwo\n");
}

// SIGPIPE has its default action in this process: the test dies if it is raised.
TEST_F(line_writer_test, a_reader_that_is_gone_ends_it_quietly) {
    std::signal(SIGPIPE, SIG_DFL);
    line_writer w(ends_[1], state_);
    close_end(0);
    w.write("one\n");
    EXPECT_TRUE(w.tell_closed());
    EXPECT_FALSE(w.tell_closed());
    w.write("two\n");
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST_F(line_writer_test, a_closed_descriptor_ends_it_quietly) {
    line_writer w(ends_[1], state_);
    close_end(1);
    w.write("one\n");
    EXPECT_TRUE(w.tell_closed());
    EXPECT_FALSE(w.tell_closed());
}

TEST_F(line_writer_test, a_stuck_reader_loses_lines_and_is_told) {
    line_writer w(ends_[1], state_, 1);
    const std::string line = std::string(999, 'x') + '\n';
    size_t written = 0;
    while (state_.lost == 0) {
        w.write(line);
        ++written;
        ASSERT_LT(written, 10'000u) << "the pipe never filled";
    }
    w.write(line);
    EXPECT_EQ(state_.lost, 2u);
    EXPECT_FALSE(state_.closed);
    read_all();
    w.write("again\n");
    EXPECT_EQ(state_.lost, 0u);
    EXPECT_NE(read_all().find("(2 lines lost: nobody read them)\nagain\n"), std::string::npos);
}

TEST_F(line_writer_test, a_line_longer_than_the_pipe_does_not_block) {
    line_writer w(ends_[1], state_, 1);
    w.write(std::string(1'000'000, 'y') + '\n');
    EXPECT_EQ(state_.lost, 1u);
    read_all();
    w.write("next\n");
    EXPECT_EQ(read_all(), "\n(1 lines lost: nobody read them)\nnext\n")
        << "the cut line is ended first";
}

TEST_F(line_writer_test, the_next_generation_ends_a_cut_line_and_tells_what_was_lost) {
    {
        line_writer old(ends_[1], state_, 1);
        old.write(std::string(1'000'000, 'y') + '\n');
        old.write("lost\n");
        old.finish();
    }
    EXPECT_EQ(state_.lost, 2u);
    line_writer w(ends_[1], state_, 1);
    read_all();
    w.write("next\n");
    EXPECT_EQ(read_all(), "\n(2 lines lost: nobody read them)\nnext\n");
}

TEST_F(line_writer_test, the_last_one_tells_what_was_lost_if_somebody_reads) {
    line_writer w(ends_[1], state_, 1);
    w.write(std::string(1'000'000, 'y') + '\n');
    read_all();
    w.finish();
    EXPECT_EQ(read_all(), "\n(1 lines lost: nobody read them)\n");
    w.finish();
    EXPECT_EQ(read_all(), "");
}

TEST_F(line_writer_test, a_closed_descriptor_is_told_once_by_all_generations) {
    line_writer old(ends_[1], state_), fresh(ends_[1], state_);
    close_end(1);
    old.write("one\n");
    fresh.write("two\n");
    EXPECT_TRUE(old.tell_closed());
    EXPECT_FALSE(fresh.tell_closed());
}
