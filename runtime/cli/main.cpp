// A first main: `weft start -c FILE [-w N] [-P name=value] [-v]`. The full command line replaces it.
#include "config/load.hpp"
#include "engine/engine.hpp"
#include "loader/catalog.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>

int main(int argc, char** argv) {
    std::string file = "zilla.yaml", plugins;
    weft::engine_options options;
    options.directory = std::filesystem::absolute(".zilla/engine").string();
    for (int i = 2; i < argc; ++i) {
        const std::string a = argv[i];
        if (a == "-c") file = argv[++i];
        else if (a == "-w") options.workers = static_cast<uint32_t>(std::stoul(argv[++i]));
        else if (a == "-v") options.verbose = true;
        else if (a == "--plugins") plugins = argv[++i];
        else if (a == "-P") {
            const std::string p = argv[++i];
            options.properties[p.substr(0, p.find('='))] = p.substr(p.find('=') + 1);
        }
    }
    if (auto it = options.properties.find("zilla.engine.directory"); it != options.properties.end()) options.directory = it->second;
    options.cache_directory = options.directory + "/cache";
    std::filesystem::create_directories(options.cache_directory);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    auto installed = weft::installed_plugins(weft::plugin_directories(plugins));
    auto loaded = weft::config::load(file, installed, weft::config::process_environment());
    for (const auto& p : loaded.errors) std::fprintf(stderr, "%s\n", weft::config::to_string(p).c_str());
    if (!loaded.ok()) return 1;
    weft::engine engine(options, installed);
    try {
        engine.start(loaded.config, [] { std::fprintf(stderr, "ready\n"); });
    } catch (const weft::startup_error& e) {
        for (const auto& p : e.problems()) std::fprintf(stderr, "%s\n", weft::config::to_string(p).c_str());
        return 1;
    }
    std::fprintf(stderr, "listening\n");
    int signal = 0;
    sigwait(&set, &signal);
    engine.stop(std::chrono::seconds(5));
    return 0;
}
