// A stream to the exit that is opened again, after a pause, for as long as its owner wants it.
#pragma once

#include "backoff.hpp"

#include <weft/worker.hpp>

#include <functional>
#include <vector>

namespace weft::kafka {

// The owner outlives it: streams are closed before an instance is destroyed. Frames of an earlier
// stream, which was closed in favour of a new one, do not reach the owner.
class upstream {
public:
    class listener {
    public:
        virtual ~listener() = default;
        // Fills in and opens with its BEGIN; what open() is called with stays the owner's.
        virtual void on_upstream_open(upstream& u) = 0;
        virtual void on_upstream_begin(const weft_begin&) {}
        virtual void on_upstream_data(const weft_data&) {}
        virtual void on_upstream_flush(const weft_flush&) {}
        // It broke; it will be tried again.
        virtual void on_upstream_broken(uint32_t failures, const weft_frame* why) = 0;
    };

    upstream(weft::worker w, uint64_t exit, listener& l, uint64_t reopen_min_ms,
             uint64_t reopen_max_ms)
        : worker_(w), exit_(exit), listener_(l), backoff_(reopen_min_ms, reopen_max_ms) {}
    upstream(const upstream&) = delete;
    upstream& operator=(const upstream&) = delete;
    ~upstream();

    // Asks the owner for BEGIN now. Does nothing while open.
    void start();
    // Ends the stream and the attempts.
    void stop();
    // Closes what is open and opens anew: at once, or after the pause that is due.
    void restart(bool pause);
    void open(const weft_meta* begin, uint32_t window);
    bool is_open() const { return current_ != nullptr; }
    void succeeded() { backoff_.succeeded(); }
    // Returns credit for what was received, except for `pending` bytes.
    void grant(uint32_t window, uint64_t pending = 0) const;

private:
    struct conversation;
    void retry_later();
    void on_retry();
    void on_lost(conversation& c, const weft_frame* why);

    weft::worker worker_;
    uint64_t exit_;
    listener& listener_;
    backoff backoff_;
    conversation* current_ = nullptr;
    uint64_t timer_ = 0;
};

}  // namespace weft::kafka
