// line_writer: lines to a descriptor whose reader may be slow, stuck or gone. A gone reader ends
// the writing for good; a stuck one loses lines, and the next line that gets through is preceded by
// how many.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::exporter_stdout {

class line_writer {
public:
    // How long a line may wait for a reader that does not read.
    static constexpr int wait_ms_default = 1000;

    explicit line_writer(int fd, int wait_ms = wait_ms_default) : fd_(fd), wait_ms_(wait_ms) {}

    // A line with its newline. Never raises SIGPIPE, never blocks longer than wait_ms.
    void write(std::string_view line);

    bool closed() const { return closed_; }
    uint64_t lost() const { return lost_; }

private:
    bool put(std::string_view text);
    bool writable();

    int fd_, wait_ms_;
    bool closed_ = false;
    bool stuck_ = false;     // the last wait was in vain: do not wait again until it moves
    bool mid_line_ = false;  // a line was cut
    uint64_t lost_ = 0;
};

}  // namespace weft::exporter_stdout
