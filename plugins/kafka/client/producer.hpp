// The idempotent producer of one worker, shared by all its PRODUCE streams.
//
// A record taken is retried by librdkafka for ever: Kafka may be away for as long as it likes. Its
// report comes by eventfd, in the order of Kafka's answers. After a fatal error of idempotence the
// handle is replaced and what was not confirmed is produced again, in order: a possible duplicate
// is better than a loss.
#pragma once

#include "handle.hpp"
#include "health.hpp"
#include "metadata.hpp"
#include "send_lanes.hpp"

#include <weft/worker.hpp>

#include <map>
#include <memory>
#include <span>
#include <vector>

namespace weft::kafka::client {

class hooks;
class produce_stream;
struct producer_topic;
struct topic;
struct waiting_record;

// A record that was taken: in a lane until its burst comes, then inside librdkafka.
struct record : held {
    record *prev = nullptr, *next = nullptr;
    produce_stream* owner = nullptr;
    producer_topic* to = nullptr;
    send_lane* lane = nullptr;  // null: the partition is not known
    uint64_t token = 0;
    uint64_t order = 0;  // of being taken
    uint32_t hash = 0;   // decides the partition
    chunk lent;          // the payload, when it was not copied
    // While it is in a lane: its metadata, and a small payload behind that.
    std::unique_ptr<uint64_t[]> block;
    uint32_t block_words = 0;  // its size
    uint32_t copied = 0;       // bytes of that payload

    // Of free records, so that a steady load allocates nothing.
    uint64_t* block_of(size_t words) {
        if (words > block_words) {
            block = std::make_unique_for_overwrite<uint64_t[]>(words);
            block_words = static_cast<uint32_t>(words);
        }
        return block.get();
    }
    void free_block() {
        block.reset();
        block_words = 0;
    }

    const weft_meta* meta() const { return reinterpret_cast<const weft_meta*>(block.get()); }
    std::span<const uint8_t> held_payload() const;
};

struct producer_topic {
    topic_handle handle;
    send_lanes::topic lanes;
};

struct produce_error {
    int32_t code = 0;
    std::string text;
};

class producer {
public:
    enum class outcome : uint8_t { taken, wait, failed };

    producer(worker w, const client_config& config, hooks& callbacks, health& h,
             blocking_thread& thread);
    ~producer();
    producer(const producer&) = delete;
    producer& operator=(const producer&) = delete;

    // Takes a record, to hand it to librdkafka at once or with the next burst of its partition.
    // `wait`: not now, s.pump() is called when it is worth trying again.
    outcome produce(produce_stream& s, const topic& t, const weft_meta* block, const chunk& payload,
                    produce_error& error);

    size_t outstanding() const { return outstanding_; }
    // Inside of telling streams of their records.
    bool reporting() const { return reporting_; }
    // Stops calling the stream back; its outstanding records report to nobody.
    void forget_waiting(produce_stream& s);

    // The end of the instance: what librdkafka still uses, to be destroyed off the worker, handle
    // first.
    std::unique_ptr<handle> release_handle();
    std::vector<chunk> release_lent();

    std::function<void()> on_idle;            // nothing is outstanding any more
    meta_writer<weft_kafka_produced> report;  // scratch of the streams

private:
    static int32_t choose_partition(const rd_kafka_topic_t*, const void* key, size_t size,
                                    int32_t count, void*, void* message);

    void make_handle();
    producer_topic& topic_for(const std::string& name);
    outcome hand_over(record& r, int32_t partition, const meta_view<weft_kafka_produce>& meta,
                      std::span<const uint8_t> payload, produce_error& error);
    void take(produce_stream& s, record& r);
    void give_back(record& r);
    outcome hold(produce_stream& s, record& r, const weft_meta* block, const chunk& payload);
    void send_held();
    bool send_burst(send_lane& l);
    void fail(record& r, const produce_error& error);
    waiting_record held_again(const record& r) const;
    void hold_no_more();
    void retry_later();
    void on_slow();
    uint32_t hash_of(const meta_view<weft_kafka_produce>& meta);
    outcome refused(rd_kafka_error_t* raw, produce_error& error);
    void wait(produce_stream& s);

    void on_events(uint32_t);
    void on_report(const rd_kafka_message_t& m);
    bool produced_again(const rd_kafka_message_t& m, record& r);
    void check_fatal();
    void renew();
    void pump_waiting();
    void on_retry();

    record* take_record();
    void free_record(record* r);

    worker worker_;
    const client_config& config_;
    hooks& hooks_;
    health& health_;
    blocking_thread& thread_;
    std::unique_ptr<handle> handle_;
    std::map<std::string, producer_topic, std::less<>> topics_;
    send_lanes lanes_;
    uint64_t watch_ = 0, retry_timer_ = 0, renew_timer_ = 0, slow_timer_ = 0;

    record outstanding_list_;  // sentinel
    size_t outstanding_ = 0;
    size_t held_ = 0, held_bytes_ = 0;  // of them: in lanes
    bool reporting_ = false;
    record* free_ = nullptr;
    size_t free_count_ = 0;
    std::vector<produce_stream*> waiting_;
    uint32_t round_robin_ = 0;
    uint64_t taken_ = 0;

    rd_kafka_resp_err_t fatal_ = RD_KAFKA_RESP_ERR_NO_ERROR;
    uint64_t renew_pause_ms_ = limits::producer_renew_min_ms;
    metric produced_, failed_;
};

}  // namespace weft::kafka::client
