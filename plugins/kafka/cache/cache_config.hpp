// Options and bounds of the cache kinds. Every default is visible here; zilla.binding.kafka.cache.*
// properties replace some.
#pragma once

#include "log/limits.hpp"
#include "topic_routes.hpp"

#include <weft/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::kafka {

struct cache_limits {
    // Back-off before an upstream stream that broke is opened again: doubled up to the second
    // (cache.server.reconnect, seconds).
    uint64_t reopen_min_ms = 50;
    uint64_t reopen_max_ms = 5'000;
    // An event says so when it broke this often in a row.
    uint32_t failures_before_event = 3;

    // Credit of a FETCH stream: also the largest record that can be fetched. Records go to the log
    // at once, so it is not memory.
    uint32_t fetch_window_bytes = 64u << 20;
    // Credit of a FETCH stream that reads for one HISTORY what the cache no longer has; what waits
    // for the reader is kept in memory.
    uint32_t refetch_window_bytes = 4u << 20;

    // Work of one stream per turn, so that a long history does not hold up the worker.
    uint32_t records_per_turn = 512;
    uint32_t bytes_per_turn = 512u << 10;
    uint32_t keys_per_turn = 8'192;  // looked at for filters

    // HISTORY: FLUSH kafka.progress at least after so many records that did not match or were
    // delivered.
    uint32_t progress_records = 4'096;
    // A partition that is behind holds up a TAIL's first kafka.partitions for so long; it then
    // follows in a later one.
    uint64_t tail_wait_ms = 1'000;
    // A HISTORY asks Kafka where the log ends. Without an answer for so long, what is known has to
    // do.
    uint64_t history_end_wait_ms = 2'000;
    // Retention, cleaning, and whether a full disk takes records again.
    uint64_t maintenance_ms = 30'000;
    // Logs of a worker that are cleaned at the same time: they share the host's few threads with
    // those who want to start.
    uint32_t cleanings_max = 1;
};

struct topic_options {
    std::string name;
    bool live = false;  // defaultOffset: where an empty log begins
};

// Tells this build of the plugin from others that are mapped at the same time.
std::string this_build();

struct cache_config {
    std::string name;  // "namespace:binding"
    std::string build = this_build();
    std::string directory;  // of this cache_server's logs
    uint32_t workers = 1;
    std::vector<std::string> bootstrap;
    std::vector<topic_options> topics;
    topic_routes routes;
    cache_limits limits;
    log_limits log;

    bool starts_live(std::string_view topic) const;

    static cache_config parse(const binding_config& c);
};

// Topic names become folder names.
bool valid_topic(std::string_view name);

}  // namespace weft::kafka
