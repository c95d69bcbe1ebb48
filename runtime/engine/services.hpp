// The service tables of the ABI, over loops, listeners, tasks, events and the rest.
#pragma once

#include "engine/guards.hpp"
#include "engine/listeners.hpp"
#include "engine/shared_objects.hpp"
#include "engine/vaults.hpp"
#include "events/bus.hpp"
#include "events/readiness.hpp"

#include <weft/abi.h>

#include <boost/asio/thread_pool.hpp>

#include <map>
#include <mutex>
#include <string>

namespace weft {

class service_host {
public:
    static constexpr size_t task_threads =
        4;  // for calls that block: name resolution, broker metadata

    explicit service_host(event_bus& events) : events_(events), tasks_(task_threads) {}

    const weft_host_vt* host_table() const;

    event_bus& events() { return events_; }
    readiness& ready() { return readiness_; }
    listeners& listening() { return listeners_; }
    shared_objects& shared() { return shared_; }
    weft::vaults& vaults() { return vaults_; }
    weft::guards& guards() { return guards_; }
    boost::asio::thread_pool& tasks() { return tasks_; }

    // The number of a metadata name; 0 when another name has it already.
    uint32_t intern(const std::string& name);

    static service_host& of(weft_worker* w);

private:
    event_bus& events_;
    readiness readiness_;
    listeners listeners_;
    shared_objects shared_;
    weft::vaults vaults_;
    weft::guards guards_;
    boost::asio::thread_pool tasks_;
    std::mutex names_mutex_;
    std::map<uint32_t, std::string> names_;
};

}  // namespace weft
