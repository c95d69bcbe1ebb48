#include "cli/commands.hpp"

#include "cli/control_service.hpp"
#include "cli/table.hpp"
#include "config/load.hpp"
#include "config/suggest.hpp"
#include "loader/catalog.hpp"

#include <weft/abi.h>

#include <cstdio>
#include <filesystem>

namespace weft::cli {

properties gather(const property_flags& flags) {
    properties out;
    properties first;  // to find the installation's file
    for (const auto& argument : flags.set) first.set(argument);
    const std::string installed = first.text("zilla.directory", ".") + "/.zilla/zilla.properties";
    if (!flags.file.empty()) {
        out.read_file(flags.file);
    } else if (std::filesystem::exists(installed)) {
        out.read_file(installed);
    }
    for (const auto& argument : flags.set) out.set(argument);
    return out;
}

std::string engine_directory_of(const properties& given) {
    return given.text("zilla.engine.directory", "./.zilla/engine");
}

std::string config_of(const start_flags& flags, const properties& given) {
    if (flags.config) return *flags.config;
    return given.text("zilla.engine.config.uri",
                      given.text("zilla.engine.config.url", "zilla.yaml"));
}

int check(const start_flags& flags) {
    const properties given = gather(flags.given);
    const std::string file = config_of(flags, given);
    const config::load_options options{given.flag("zilla.engine.env.lenient", false)};
    const auto found = config::load(file, installed_plugins(plugin_directories(flags.plugins)),
                                    config::process_environment(), options);
    for (const auto& p : found.warnings)
        std::fprintf(stderr, "%s\n",
                     config::to_string({p.where, p.path, "warning: " + p.text}).c_str());
    for (const auto& p : found.errors) std::fprintf(stderr, "%s\n", config::to_string(p).c_str());
    if (!found.ok()) return 1;
    const size_t n = found.config.bindings.size();
    std::printf("%s: ok (%zu binding%s)\n", file.c_str(), n, n == 1 ? "" : "s");
    return 0;
}

int plugins(const plugins_flags& flags) {
    const auto directories = plugin_directories(flags.plugins);
    const auto found = installed_plugins(directories);
    const auto all = plugins_json(found);
    if (flags.json) {
        std::printf("%s\n", all.dump(2).c_str());
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& p : all) {
        const bool broken = !p["error"].get<std::string>().empty();
        rows.push_back({p["type"], p["role"],
                        config::listed(p["kinds"].get<std::vector<std::string>>()),
                        broken ? "" : p["version"], broken ? "" : p["abi"], p["file"]});
    }
    std::fputs(table({{"type"}, {"role"}, {"kinds"}, {"version"}, {"ABI"}, {"file"}}, rows).c_str(),
               stdout);
    bool failed = false;
    for (const auto& p : found) {
        if (p.error.empty()) continue;
        std::fprintf(stderr, "%s: %s\n", p.file.c_str(), p.error.c_str());
        failed = true;
    }
    if (found.empty())
        std::fprintf(stderr, "no plugins in %s\n", config::listed(directories).c_str());
    return failed || found.empty() ? 1 : 0;
}

int version(bool verbose) {
    std::printf("weft version %s\n", WEFT_VERSION);
    if (verbose) std::printf("stream ABI %u.%u\n", WEFT_ABI_MAJOR, WEFT_ABI_MINOR);
    return 0;
}

}  // namespace weft::cli
