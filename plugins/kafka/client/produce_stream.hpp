// A PRODUCE stream: records up, one kafka.produced per record down.
//
// Records that librdkafka cannot take yet (topic not known, its queue full) wait here in order,
// within the stream's credit, which returns as soon as a record is taken. Lives until its last
// outstanding record is reported.
#pragma once

#include "producer.hpp"
#include "topics.hpp"

#include <deque>

namespace weft::kafka::client {

// A record that waits: the whole metadata block, and the payload in one piece.
struct waiting_record {
    std::unique_ptr<uint64_t[]> block;
    chunk payload;
    uint32_t reserved = 0;  // credit to give back
    uint64_t order = 0;     // of having been taken before, by a producer that failed

    const weft_meta* meta() const { return reinterpret_cast<const weft_meta*>(block.get()); }
};

class produce_stream : public topic_stream {
public:
    produce_stream(stream s, stream_owner& owner, worker w, const client_config& config,
                   topics& registry, producer& p, const std::string& name);
    ~produce_stream() override;

    void on_topic() override { pump(); }
    void on_data(stream, const weft_data& d) override;
    void on_end(stream, const weft_frame&) override;
    void on_abort(stream, const weft_frame&) override { give_up(); }
    void on_reset(stream, const weft_frame&) override { give_up(); }
    void on_closed(stream) override;

    // Tries to hand over what waits.
    void pump();
    // From the producer: the record of `token` is done.
    void on_report(uint64_t token, int32_t partition, int64_t offset, const produce_error& error);
    // From the producer: this record must go again, before everything that waits.
    void on_again(waiting_record r);
    void taken() { ++outstanding_; }
    void returned();

private:
    enum class topic_answer : uint8_t { go, wait, refuse };

    void accept_whole(const weft_meta* meta, chunk payload, uint32_t reserved);
    void accept_part(const weft_data& d);
    chunk gather(const weft_data& d) const;
    topic_answer ask_topic(produce_error& error) const;
    producer::outcome hand_over(const weft_meta* meta, const chunk& payload);
    bool pump(std::deque<waiting_record>& queue);
    void update_window();
    void answer(uint64_t token, int32_t partition, int64_t offset, const produce_error& error);
    void give_up();
    void finish_if_done();

    worker worker_;
    const client_config& config_;
    topics& topics_;
    producer& producer_;
    std::deque<waiting_record> again_, waiting_;
    uint64_t waiting_bytes_ = 0;
    size_t outstanding_ = 0;
    bool ended_ = false;   // the opener sends no more
    bool closed_ = false;  // the stream is gone

    // A record that arrives in pieces.
    std::unique_ptr<uint64_t[]> part_block_;
    std::vector<uint8_t> part_;
    uint32_t part_reserved_ = 0;
    bool part_too_large_ = false;
};

}  // namespace weft::kafka::client
