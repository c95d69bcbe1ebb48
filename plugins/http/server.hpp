// server: the http binding on one worker.
#pragma once

#include "connection.hpp"

#include <weft/event_limit.hpp>
#include <weft/live_list.hpp>
#include <weft/plugin.hpp>

namespace weft::http {

class server final : public instance {
public:
    server(worker w, const server_config& c);
    ~server() override;

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;

    const worker here;
    const server_config& config;
    metric requests, upgrades, refused, connections;
    event_limit expired;
    bool draining = false;  // a newer generation is there: answers end their connections

    void add(connection& c);
    void remove(connection& c);

private:
    live_list<connection> live_;
};

}  // namespace weft::http
