// A FETCH stream: records of given partitions from given offsets, for ever or up to given ends.
#pragma once

#include "consumer.hpp"
#include "topics.hpp"

#include <span>
#include <vector>

namespace weft::kafka::client {

class fetch_stream : public topic_stream {
public:
    fetch_stream(stream s, stream_owner& owner, worker w, topics& registry, consumer& c, health& h,
                 const std::string& name, std::span<const weft_kafka_position> positions);
    ~fetch_stream() override;

    const std::string& name() const { return name_; }

    void on_topic() override { start_partitions(); }
    void on_window(stream, const weft_window& w) override;
    void on_end(stream, const weft_frame&) override { finish(); }
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override { delete this; }

    // A partition that it may be waiting for is free.
    void on_unclaimed();
    // Sends what is there while there is credit. True when there may be more right now.
    bool drain_queue();

private:
    struct partition {
        int32_t id = 0;
        int64_t next =
            0;  // where fetching begins or goes on; WEFT_KAFKA_OFFSET_* before the first record
        int64_t end = -1;  // -1: for ever
        bool claimed = false, started = false, done = false;
    };

    void start_partitions();
    void start(partition& p);
    void stop(partition& p);
    bool send(rd_kafka_message_t* m);  // takes m unless there is no credit for it
    void send_record(rd_kafka_message_t* m, partition& p);
    void on_error(const rd_kafka_message_t& m);
    void restart(partition& p);
    void progress(const partition& p, int64_t offset);
    void complete(partition& p);
    partition* find(int32_t id);
    void finish();

    worker worker_;
    topics& topics_;
    consumer& consumer_;
    health& health_;
    const std::string name_;
    rd_kafka_topic_t* topic_ = nullptr;  // the consumer's
    queue_handle queue_;
    std::vector<partition> partitions_;  // by id
    std::vector<rd_kafka_message_t*>
        batch_;  // taken from the queue and not sent yet, from batch_at_ on
    size_t batch_at_ = 0;
    uint32_t window_max_ = 0;
    bool waits_ = false;   // for a partition that another stream fetches
    bool denied_ = false;  // said to be not authorized to read
    bool finished_ = false;
};

}  // namespace weft::kafka::client
