// The running system: workers, plugins, bindings and exporters of one configuration.
#pragma once

#include "config/model.hpp"
#include "loader/plugin_info.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft {

struct engine_options {
    uint32_t workers = 1;
    std::string directory;        // the engine directory, exists and is locked by this process
    std::string cache_directory;  // where bindings keep files
    std::string instance;         // id of this process
    std::map<std::string, std::string> properties;  // every zilla.* / weft.* property given
    bool verbose = false;
};

// The configuration cannot be run: one problem per thing that failed.
class startup_error : public std::runtime_error {
public:
    explicit startup_error(std::vector<config::problem> problems);
    const std::vector<config::problem>& problems() const { return problems_; }

private:
    std::vector<config::problem> problems_;
};

enum class engine_state { stopped, starting, listening, ready, stopping };

struct engine_status {
    engine_state state = engine_state::stopped;
    std::vector<std::string> waiting_for;  // why it is not ready: "demo:south_kafka_client: kafka
                                           // localhost:9092: connection refused"
    uint64_t streams = 0;
};

struct metric_value {
    std::string ns, binding, name;
    uint64_t value = 0;  // summed over workers
    bool gauge = false;
};

// All from one thread, the control thread, except for emit.
class engine {
public:
    engine(engine_options options, std::vector<plugin_info> plugins);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    // Loads plugins, creates and attaches every binding. Throws startup_error, leaving nothing
    // running. On return all bindings are attached: the process listens. It becomes ready later,
    // when every instance says so; on_ready is told once, from any thread.
    void start(const config::configuration& configuration, std::function<void()> on_ready);

    // Ends gracefully: nothing new is taken, protocols say goodbye, what is left at the deadline is
    // aborted.
    void stop(std::chrono::milliseconds grace);

    engine_status status() const;
    std::vector<metric_value> metrics() const;
    // An event of the engine itself, such as "engine.started"; goes to the exporters and the log.
    void emit(uint32_t level, const std::string& id, const std::string& text);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace weft
