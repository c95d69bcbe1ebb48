// Passes a stream on to the exit, frame by frame in both directions, so that credit stays end to
// end.
#pragma once

#include <weft/worker.hpp>

namespace weft::kafka {

// Deletes itself when both sides are closed. Use: new relay(...), return &r->caller() from accept.
class relay {
public:
    relay(weft::worker w, uint64_t exit, stream caller, const weft_begin& b);

    endpoint& caller() { return caller_; }

private:
    struct side : endpoint {
        relay& owner;
        stream to;  // where this side's frames go
        bool closed = false;
        explicit side(relay& r) : owner(r) {}
        void on_frame(stream, const weft_frame& f) override { to.send(f); }
        void on_closed(stream) override { owner.on_closed(*this); }
    };
    void on_closed(side& s);

    side caller_{*this}, exit_{*this};
};

}  // namespace weft::kafka
