// The running system: workers, plugins, bindings and exporters of one configuration, and the way
// from one configuration to the next.
#pragma once

#include "config/model.hpp"
#include "loader/plugin_info.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft {

struct engine_options {
    uint32_t workers = 1;
    std::string directory;        // the engine directory, exists and is locked by this process
    std::string cache_directory;  // where bindings keep files
    std::string config_directory = ".";  // what paths in the configuration are relative to
    std::string instance;                // id of this process
    std::map<std::string, std::string> properties;  // every zilla.* / weft.* property given
    bool verbose = false;
    // From any thread: engine.tend() has something to do.
    std::function<void()> wake;
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
    uint64_t value = 0;  // summed over workers and generations
    bool gauge = false;
};

struct reload_options {
    // How long streams of replaced generations may go on; absent: until they end.
    std::optional<std::chrono::milliseconds> drain;
};

// What a reload did, by qualified name.
struct reload_result {
    std::vector<std::string> added, changed, removed;
    std::vector<std::string> renewed;  // that live on with the new content of their vault
    size_t unchanged = 0;
};

struct generation_info {
    std::string binding, type, version, file;
    uint32_t generation = 1;
    bool draining = false;
    std::optional<std::chrono::milliseconds> drain_left;
    uint64_t streams = 0;
};

// All from one thread, the control thread, except for emit.
class engine {
public:
    // A plugin file has this many generations alive at most: what a reload beyond it would replace
    // must have ended, or be given a deadline, first.
    static constexpr uint32_t generations_max = 3;

    engine(engine_options options, std::vector<plugin_info> plugins);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    // Loads plugins, creates and attaches every binding. Throws startup_error, leaving nothing
    // running. On return all bindings are attached: the process listens. It becomes ready later,
    // when every instance says so; on_ready is told once, from any thread.
    void start(const config::configuration& configuration, std::function<void()> on_ready);

    // Goes over to another configuration or other plugin files: what did not change runs on
    // untouched, what did gets a new generation beside the old, which takes everything new; the old
    // streams drain. Throws startup_error, leaving everything as it was.
    reload_result reload(const config::configuration& configuration,
                         const std::vector<plugin_info>& plugins, const reload_options& options);

    // Takes away what has drained, and ends what is past its deadline. Returns when it wants to be
    // called again without being woken, if at all.
    std::optional<std::chrono::steady_clock::time_point> tend();

    // Ends gracefully: nothing new is taken, protocols say goodbye, what is left at the deadline is
    // aborted.
    void stop(std::chrono::milliseconds grace);

    // Files of vaults and guards: a reload reads them anew.
    std::vector<std::string> watched_files() const;

    // Addresses listened on that others than this machine can reach, with their bindings.
    std::map<std::string, std::string> reachable() const;

    engine_status status() const;
    std::vector<metric_value> metrics() const;
    std::vector<generation_info> generations() const;
    // An event of the engine itself, such as "engine.started"; goes to the exporters and the log.
    void emit(uint32_t level, const std::string& id, const std::string& text);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace weft
