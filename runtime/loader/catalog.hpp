// The plugins that are installed: looks for weft-ROLE-TYPE.so and asks each file, in a child
// process, what it is.
#pragma once

#include "loader/plugin_info.hpp"

#include <optional>
#include <string>
#include <vector>

namespace weft {

// The folders searched, first to last: `explicit_dir` if not empty, those of $WEFT_PLUGINS, then
// ../lib/weft/plugins of the executable. A folder of one's own adds to what is installed.
std::vector<std::string> plugin_directories(const std::string& explicit_dir);

// Every plugin file of these folders; of two files of one name the first folder's counts. A file
// that is broken is listed with its error. A child process calls the entry functions, so a file
// that crashes cannot take this process down. `program` is run for that: this one or another whose
// main calls describe_plugins.
std::vector<plugin_info> installed_plugins(const std::vector<std::string>& directories,
                                           const std::string& program = "/proc/self/exe");

// To be called first in main: if this process was started by installed_plugins, answers it and
// returns the exit code.
std::optional<int> describe_plugins(int argc, const char* const* argv);

}  // namespace weft
