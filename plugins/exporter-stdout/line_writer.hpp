// line_writer: lines to a descriptor whose reader may be slow, stuck or gone. A gone reader ends
// the writing for good; a stuck one loses lines, and the next line that gets through is preceded by
// how many.
//
// What was cut or lost is a state of the descriptor and not of who writes: generations of the
// exporter share it, so that one goes on where the other has stopped.
#pragma once

#include <weft/shared.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::exporter_stdout {

struct line_state {
    static constexpr const char* name = "exporter-stdout.lines";
    static constexpr uint32_t version = 1;

    plain_mutex mutex;
    uint64_t lost = 0;
    bool closed = false;
    bool told = false;      // that it is closed
    bool stuck = false;     // the last wait was in vain: do not wait again until it moves
    bool mid_line = false;  // a line was cut
};

class line_writer {
public:
    // How long a line may wait for a reader that does not read.
    static constexpr int wait_ms_default = 1000;

    line_writer(int fd, line_state& state, int wait_ms = wait_ms_default)
        : state_(state), fd_(fd), wait_ms_(wait_ms) {}

    // A line with its newline. Never raises SIGPIPE, never blocks longer than wait_ms.
    void write(std::string_view line);
    // Nothing more comes from here: ends a line that was cut and tells what was lost, if that takes
    // no waiting.
    void finish();

    // True once, to the first who asks after the descriptor was found closed.
    bool tell_closed();

private:
    void put_behind_losses(std::string_view line);
    bool put(std::string_view text);
    bool writable();

    line_state& state_;
    int fd_, wait_ms_;
};

}  // namespace weft::exporter_stdout
