// An instance of the cache_server kind.
#pragma once

#include "relay.hpp"
#include "server_topic.hpp"

#include <weft/plugin.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::kafka {

class cache_server final : public instance, public writer_host, public server_topic::owner {
public:
    cache_server(const cache_config& config, weft::worker w);
    ~cache_server() override;

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;

private:
    weft::worker on() const override { return worker_; }
    const cache_config& config() const override { return config_; }
    store& logs() override { return *store_.operator->(); }
    log_batch& batch() override { return batch_; }
    void flush_later(partition_writer& w) override;
    uint32_t& cleanings() override { return cleanings_; }
    void on_topic_progress() override;

    server_topic* serve(const std::string& topic);
    endpoint* accept_meta(stream s, const std::string& topic);
    void on_flush();
    void on_maintenance();
    void tell_ready();

    const cache_config& config_;
    weft::worker worker_;
    store_ref store_;
    log_batch batch_;
    std::vector<partition_writer*> flushing_;
    uint32_t cleanings_ = 0;
    relays relays_;
    bool ready_ = false;
    bool drained_ = false;  // writes no log any more
    bool refuses_ = false;  // takes no stream any more
    std::string told_;      // what readiness was said to wait for
    uint64_t timer_ = 0;
    std::map<std::string, std::unique_ptr<server_topic>, std::less<>> topics_;
};

}  // namespace weft::kafka
