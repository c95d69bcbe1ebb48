// Sessions whose client left before this process started, and whose time is named on the sessions
// topic: they are ended when it comes, unless somebody claims them first.
//
// Their owner may be alive and do the same: ending a session twice does no harm, and a claim made
// meanwhile has a higher epoch, so its owner writes its records again.
#pragma once

#include "kafka/history_reader.hpp"
#include "session/state/keys.hpp"

#include <map>
#include <string>
#include <unordered_map>

namespace weft::mqtt_kafka {

class proxy;

class leftovers final : history_sink {
public:
    explicit leftovers(proxy& p) : proxy_(p) {}
    virtual ~leftovers();

    // Reads the sessions topic, once.
    void start();
    // A record of the client came on the tail: what was read of it is no longer so.
    void forget(std::string_view client_id);
    bool empty() const { return sessions_.empty(); }

private:
    struct left {
        int64_t at_ms, epoch;
    };
    void on_history_record(const meta_view<weft_kafka_record>& record,
                           const weft_data& data) override;
    void on_history_progress(std::span<const weft_kafka_position>) override {}
    void on_history_end() override;
    void on_history_lost() override;
    void arm();
    void on_timer();

    proxy& proxy_;
    history_reader* reader_ = nullptr;
    std::unordered_map<std::string, left> sessions_;
    std::multimap<int64_t, std::string> times_;
    uint64_t timer_ = 0;
    bool started_ = false;
};

}  // namespace weft::mqtt_kafka
