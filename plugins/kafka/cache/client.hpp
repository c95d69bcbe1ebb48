// An instance of the cache_client kind.
#pragma once

#include "relay.hpp"
#include "topic_reader.hpp"

#include <weft/plugin.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::kafka {

class cache_client final : public instance, public reader_host {
public:
    cache_client(const cache_config& config, weft::worker w)
        : config_(config), worker_(w), maps_(w) {}

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;

private:
    weft::worker on() const override { return worker_; }
    const cache_config& config() const override { return config_; }
    segment_maps& maps() override { return maps_; }
    void schedule(reader& r) override;
    void unschedule(reader& r) override;
    void on_turn();
    topic_reader* topic(const std::string& name, uint64_t exit);
    endpoint* accept_reader(stream s, const meta_view<weft_kafka_begin>& m, topic_reader& t);

    const cache_config& config_;
    weft::worker worker_;
    segment_maps maps_;
    std::vector<reader*> scheduled_;  // in the order of asking; null where one has left
    relays relays_;
    bool posted_ = false;
    bool retired_ = false;  // a newer generation takes over
    bool refuses_ = false;  // takes no stream any more
    std::map<std::string, std::unique_ptr<topic_reader>, std::less<>> topics_;
};

}  // namespace weft::kafka
