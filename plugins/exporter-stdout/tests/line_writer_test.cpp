#include "line_writer.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>

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
};

}  // namespace

TEST_F(line_writer_test, lines_in_order) {
    line_writer w(ends_[1]);
    w.write("one\n");
    w.write("two\n");
    EXPECT_EQ(read_all(), "one\ntwo\n");
}

// SIGPIPE has its default action in this process: the test dies if it is raised.
TEST_F(line_writer_test, a_reader_that_is_gone_ends_it_quietly) {
    std::signal(SIGPIPE, SIG_DFL);
    line_writer w(ends_[1]);
    close_end(0);
    w.write("one\n");
    EXPECT_TRUE(w.closed());
    w.write("two\n");
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST_F(line_writer_test, a_closed_descriptor_ends_it_quietly) {
    line_writer w(ends_[1]);
    close_end(1);
    w.write("one\n");
    EXPECT_TRUE(w.closed());
}

TEST_F(line_writer_test, a_stuck_reader_loses_lines_and_is_told) {
    line_writer w(ends_[1], 1);
    const std::string line = std::string(999, 'x') + '\n';
    size_t written = 0;
    while (w.lost() == 0) {
        w.write(line);
        ++written;
        ASSERT_LT(written, 10'000u) << "the pipe never filled";
    }
    w.write(line);
    EXPECT_EQ(w.lost(), 2u);
    EXPECT_FALSE(w.closed());
    read_all();
    w.write("again\n");
    EXPECT_EQ(w.lost(), 0u);
    EXPECT_NE(read_all().find("(2 lines lost: nobody read them)\nagain\n"), std::string::npos);
}

TEST_F(line_writer_test, a_line_longer_than_the_pipe_does_not_block) {
    line_writer w(ends_[1], 1);
    w.write(std::string(1'000'000, 'y') + '\n');
    EXPECT_EQ(w.lost(), 1u);
    read_all();
    w.write("next\n");
    EXPECT_EQ(read_all(), "\n(1 lines lost: nobody read them)\nnext\n")
        << "the cut line is ended first";
}
