// The commands of `weft`, each from its parsed flags to an exit code: 0 done, 1 refused or failed.
// What a user must read about a failure goes to stderr; usage_error and directory_error are told by
// main.
#pragma once

#include "cli/properties.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace weft::cli {

// -P and -p, which every command takes.
struct property_flags {
    std::string file;
    std::vector<std::string> set;
};

struct start_flags {
    property_flags given;
    std::optional<std::string> config;
    std::optional<uint32_t> workers;
    std::string plugins;
    bool verbose = false;
    bool watch = true;
};

struct status_flags {
    property_flags given;
    bool json = false;
    bool wait_ready = false, wait_listening = false;
    std::chrono::milliseconds timeout{60'000};
};

struct metrics_flags {
    property_flags given;
    std::string binding, ns;
};

struct plugins_flags {
    property_flags given;
    std::string plugins;
    bool json = false;
    bool running = false;
};

struct reload_flags {
    property_flags given;
    std::optional<std::chrono::milliseconds> drain;
};

int start(const start_flags& flags);
int check(const start_flags& flags);
int plugins(const plugins_flags& flags);
int status(const status_flags& flags);
int stop(const property_flags& flags);
int reload(const reload_flags& flags);
// `weft plugins --running`
int running_plugins(const plugins_flags& flags);
int metrics(const metrics_flags& flags);
int version(bool verbose);

// Properties from the installation's file (.zilla/zilla.properties), then -p, then -P.
properties gather(const property_flags& flags);
std::string engine_directory_of(const properties& given);
std::string config_of(const start_flags& flags, const properties& given);

inline constexpr uint32_t workers_max = 64;

}  // namespace weft::cli
