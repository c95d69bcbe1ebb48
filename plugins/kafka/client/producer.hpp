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

#include <weft/worker.hpp>

#include <map>
#include <memory>
#include <vector>

namespace weft::kafka::client {

class hooks;
class produce_stream;

// A record inside librdkafka.
struct record {
    record *prev = nullptr, *next = nullptr;
    produce_stream* owner = nullptr;
    uint64_t token = 0;
    uint64_t order = 0;  // of being taken
    uint32_t hash = 0;   // decides the partition
    chunk lent;          // the payload, when it was not copied
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

    // Hands a record to librdkafka. `wait`: not now, s.pump() is called when it is worth trying
    // again.
    outcome produce(produce_stream& s, const std::string& topic,
                    const meta_view<weft_kafka_produce>& meta, const chunk& payload,
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
    rd_kafka_topic_t* topic_for(const std::string& name);
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
    std::map<std::string, topic_handle, std::less<>> topics_;
    uint64_t watch_ = 0, retry_timer_ = 0, renew_timer_ = 0;

    record outstanding_list_;  // sentinel
    size_t outstanding_ = 0;
    bool reporting_ = false;
    record* free_ = nullptr;
    std::vector<produce_stream*> waiting_;
    uint32_t round_robin_ = 0;
    uint64_t taken_ = 0;

    rd_kafka_resp_err_t fatal_ = RD_KAFKA_RESP_ERR_NO_ERROR;
    uint64_t renew_pause_ms_ = limits::producer_renew_min_ms;
    metric produced_, failed_;
};

}  // namespace weft::kafka::client
