// An OFFSETS stream: tells what a consumer group has committed in a topic, and commits for it.
//
//   reading -> serving: one commit at a time, each answered
//
// What cannot be read is asked for again, and an event says why; what cannot be committed is the
// opener's to repeat.
#pragma once

#include "group_offsets.hpp"
#include "limits.hpp"
#include "topics.hpp"

#include <weft/event_limit.hpp>

#include <functional>
#include <memory>

namespace weft::kafka::client {

class offsets_stream : public topic_stream {
public:
    offsets_stream(stream s, stream_owner& owner, worker w, const client_config& config,
                   topics& registry, hooks& callbacks, blocking_thread& thread,
                   const std::string& topic, std::string group);
    ~offsets_stream() override;

    void on_topic() override;
    void on_flush(stream, const weft_flush& f) override;
    void on_end(stream, const weft_frame&) override { finish(); }
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override { delete this; }

private:
    // The group's consumer, made and destroyed on the thread.
    struct consumer_slot {
        std::unique_ptr<handle> made;
    };
    // Runs on the thread, then `then` on the worker, if this still lives.
    void ask(std::function<offsets_reply(const handle&)> call,
             std::function<void(offsets_stream&, const offsets_reply&)> then);
    void read();
    void on_read(const offsets_reply& reply);
    void answer(uint64_t token, const offsets_reply& reply);
    void finish();

    worker worker_;
    topics& topics_;
    const client_config& config_;
    hooks& callbacks_;
    std::shared_ptr<consumer_slot> consumer_;
    blocking_thread& thread_;
    const std::string topic_, group_;
    // Answers come later than a stream may live.
    std::shared_ptr<offsets_stream*> self_;
    event_limit failures_{limits::event_pause_min_ms};
    uint64_t timer_ = 0;
    bool reading_ = false, told_ = false;
};

}  // namespace weft::kafka::client
