// The plugins that are installed: looks for weft-ROLE-TYPE.so and asks each file, in a child
// process, what it is.
#pragma once

#include "loader/plugin_info.hpp"

#include <string>
#include <vector>

namespace weft {

// The folders searched, first to last: `explicit_dir` if not empty, those of $WEFT_PLUGINS, then
// ../lib/weft/plugins of the executable. A folder of one's own adds to what is installed.
std::vector<std::string> plugin_directories(const std::string& explicit_dir);

// Every plugin file of these folders; of two files of one name the first folder's counts. A file
// that is broken is listed with its error. A child process calls the entry functions, so a file
// that crashes cannot take this process down.
std::vector<plugin_info> installed_plugins(const std::vector<std::string>& directories);

}  // namespace weft
