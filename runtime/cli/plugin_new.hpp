// `weft plugin new` and `weft plugin check`: for those who write plugins.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weft::cli {

inline constexpr size_t plugin_name_max = 64;  // part of file, target and type names

// Why `name` cannot be the name of a new plugin; empty when it can. Letters, digits and dashes, as
// in the file's name weft-binding-NAME.so.
std::string unfit_plugin_name(const std::string& name);

// Writes the folder `parent`/NAME with a project that builds outside of this tree, against the
// package in `sdk_directory`. Throws std::runtime_error; a folder that could not be completed is
// gone.
void write_plugin_project(const std::filesystem::path& parent, const std::string& name,
                          const std::string& sdk_directory);

struct plugin_new_flags {
    std::string name, plugins;
};
int plugin_new(const plugin_new_flags& flags);

// Becomes weft-validate, which lies beside this executable. Returns only when it is not there.
int plugin_check(const std::vector<std::string>& arguments);

}  // namespace weft::cli
