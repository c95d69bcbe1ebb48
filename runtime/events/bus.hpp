// Structured events: from any thread to the exporters, in order of time, on a thread of their own.
#pragma once

#include "engine/entity_runtime.hpp"

#include <weft/abi.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft {

struct event {
    uint32_t level = WEFT_INFO;
    uint64_t time_ms = 0, trace_id = 0;
    std::string ns, binding, id, text;
};

class event_bus {
public:
    // Events waiting for a slow exporter; beyond it the newest are dropped and counted.
    static constexpr size_t queue_max = 65536;

    explicit event_bus(bool verbose);
    ~event_bus();
    event_bus(const event_bus&) = delete;
    event_bus& operator=(const event_bus&) = delete;

    void emit(event e);  // [any] fills in the time
    using exporter = std::shared_ptr<exporter_runtime>;
    // Returns once no event is on its way to the exporters of before.
    void set_exporters(std::vector<exporter> exporters);
    // Delivers what is queued, then lets go of the exporters.
    void close();

private:
    void run();
    void deliver(const event& e, const std::vector<exporter>& exporters) const;

    const bool verbose_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<event> queue_;
    uint64_t dropped_ = 0;
    bool closing_ = false, delivering_ = false;
    std::condition_variable delivered_;
    std::vector<exporter> exporters_;
    std::thread thread_;
};

}  // namespace weft
