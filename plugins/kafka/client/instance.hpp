// The client kind on one worker: accepts PRODUCE, FETCH and META streams, and owns what serves
// them.
//
// librdkafka's handles are made with the first stream. They are destroyed, which blocks, with the
// binding: see remains.
#pragma once

#include "bridge.hpp"
#include "consumer.hpp"
#include "health.hpp"
#include "hooks.hpp"
#include "metadata.hpp"
#include "producer.hpp"
#include "topics.hpp"

#include <weft/plugin.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace weft::kafka::client {

// What an instance leaves behind; destroyed from the last member to the first, off the worker.
struct remains {
    std::unique_ptr<hooks> callbacks;
    std::vector<chunk> lent;
    std::unique_ptr<handle> consumer_handle, producer_handle;
    std::unique_ptr<blocking_thread> thread;
};

class client_instance : public instance, private stream_owner {
public:
    client_instance(worker w, const client_config& config, event_limiter& limiter,
                    std::function<void(remains)> bury);
    ~client_instance() override;

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;

private:
    void start();
    producer& ensure_producer();
    void on_stream_gone() override;
    void stop_bridge();

    worker worker_;
    const client_config& config_;
    const std::function<void(remains)> bury_;
    health health_;
    bridge bridge_;
    topics topics_;
    // Made by start(), the producer with the first PRODUCE stream.
    std::unique_ptr<hooks> hooks_;
    std::unique_ptr<blocking_thread> thread_;
    std::unique_ptr<consumer> consumer_;
    std::unique_ptr<producer> producer_;
    size_t streams_ = 0;
    uint64_t start_timer_ = 0, drain_timer_ = 0;
    bool draining_ = false;
};

}  // namespace weft::kafka::client
