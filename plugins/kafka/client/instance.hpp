// The client kind on one worker: accepts PRODUCE, FETCH, META, OFFSETS and ACCESS streams, and owns
// what serves them.
//
// librdkafka's handles are made with the first stream. Destroying them blocks: it happens in the
// task pool once a replaced instance has nothing left to do, else with the binding. See remains.
#pragma once

#include "access_stream.hpp"
#include "bridge.hpp"
#include "consumer.hpp"
#include "health.hpp"
#include "hooks.hpp"
#include "login.hpp"
#include "metadata.hpp"
#include "producer.hpp"
#include "topics.hpp"

#include <weft/plugin.hpp>

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace weft::kafka::client {

// What an instance leaves behind; destroyed from the last member to the first, off the worker.
struct remains {
    std::unique_ptr<hooks> callbacks;
    std::vector<chunk> lent;
    std::vector<std::unique_ptr<handle>> consumer_handles;
    std::unique_ptr<handle> producer_handle;
    std::unique_ptr<blocking_thread> thread, group_thread;
};

class client_instance : public instance, private stream_owner, private consumer::owner {
public:
    // `secrets` is null without authentication.
    client_instance(worker w, const client_config& config, event_limiter& limiter,
                    credentials* secrets, std::function<void(remains)> bury);
    ~client_instance() override;

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;

private:
    void start();
    producer& ensure_producer();
    std::unique_ptr<consumer> make_consumer(role r);
    consumer& follower();
    void gather();
    bool gathering() const;
    void on_gathered();
    void on_returned() override { bury_when_idle(); }
    consumer& consumer_for(const std::string& topic,
                           std::span<const weft_kafka_position> positions);
    void on_stream_gone() override;
    void finish();
    void stop_bridge();
    void on_deadline();
    remains take_remains();
    void bury_when_idle();
    void on_prune();

    worker worker_;
    const client_config& config_;
    credentials* const secrets_;
    const std::function<void(remains)> bury_;
    health health_;
    bridge bridge_;
    login login_;
    topics topics_;
    // Made by start(), the producer and the consumer with the first stream that needs them.
    std::unique_ptr<hooks> hooks_;
    std::unique_ptr<blocking_thread> thread_;
    // A group whose coordinator does not answer must not hold up what asks whether Kafka is there.
    std::unique_ptr<blocking_thread> group_thread_;
    // Asks, and never fetches: a broker answers one request of a connection after the other, and
    // holds a fetch back for as long as there is nothing to tell.
    std::unique_ptr<consumer> asker_;
    std::unique_ptr<consumer> consumer_;
    std::vector<std::unique_ptr<consumer>> side_consumers_;  // of streams that end by themselves
    std::unique_ptr<producer> producer_;
    size_t streams_ = 0;
    std::vector<access_stream*> accesses_;
    uint64_t start_timer_ = 0, drain_timer_ = 0, prune_timer_ = 0, gather_timer_ = 0;
    uint64_t gather_since_ns_ = 0, gather_last_ns_ = 0;  // first and last stream to be followed
    bool draining_ = false;  // whoever has a stream here was asked to move
    bool stopping_ = false;  // the process ends
    bool over_ = false;      // the last stream is gone, and the connections soon
};

}  // namespace weft::kafka::client
