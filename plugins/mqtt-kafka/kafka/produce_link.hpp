// The shared PRODUCE stream of one Kafka topic on one worker. Records leave in the order they are
// submitted, also across a move: while a successor is open, new records wait (their publishers'
// credit with them) until every record on the stream before it is answered.
#pragma once

#include "kafka/topic_listener.hpp"
#include "kafka/topic_stream.hpp"

#include <deque>
#include <span>

namespace weft::mqtt_kafka {

// A record that waits: its own copy of the metadata, and the payload kept alive.
struct staged_record {
    std::vector<uint64_t> block;
    std::vector<chunk> payload;
    uint32_t size = 0;  // of the payload

    weft_meta* meta() { return reinterpret_cast<weft_meta*>(block.data()); }
    weft_kafka_produce& fields() { return *reinterpret_cast<weft_kafka_produce*>(block.data()); }

    static staged_record make(worker w, const weft_meta* meta, std::span<const weft_slice> payload);
    // The same payload under other metadata.
    staged_record with(const weft_meta* meta) const;
};

class produce_link final : public topic_stream {
public:
    produce_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener);

    // Sends at once if nothing waits and credit allows, else keeps a copy. `meta` is a
    // kafka.produce block with its token.
    void submit(uint64_t token, const weft_meta* meta, std::span<const weft_slice> payload,
                uint64_t trace);
    void submit(uint64_t token, staged_record record);

    // Takes back all records that wait, for a topic that does not exist.
    std::vector<uint64_t> take_waiting();

    void on_window(stream s, const weft_window& w) override;

protected:
    void on_opened(stream s) override;
    void on_news(stream s, const weft_flush& f) override;
    void on_lost() override;
    void on_successor() override;
    void on_state_changed() override;

private:
    struct waiting_record {
        uint64_t token;
        staged_record record;
        uint32_t sent = 0;  // payload bytes, when it goes in pieces
    };
    bool may_begin() const { return stream_ && !has_successor(); }
    bool can_send(uint32_t size) const;
    void pump();
    void move_when_answered();
    bool send_some(waiting_record& w);

    kafka_topic& of_;
    topic_listener& listener_;
    std::deque<waiting_record> waiting_;
    uint64_t unanswered_ = 0;
    uint32_t window_max_ = 0, successor_window_max_ = 0;
};

}  // namespace weft::mqtt_kafka
