// `weft start`: one control thread that owns the engine, the signals and the control socket.
#include "cli/commands.hpp"
#include "cli/control_server.hpp"
#include "cli/control_socket.hpp"
#include "cli/directory.hpp"
#include "cli/log.hpp"
#include "cli/watcher.hpp"
#include "config/load.hpp"
#include "config/open_doors.hpp"
#include "loader/catalog.hpp"

#include <weft/abi.h>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <spdlog/spdlog.h>

#include <sys/resource.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

namespace weft::cli {

namespace {

namespace asio = boost::asio;

std::string random_id() {
    std::random_device random;
    std::string out;
    for (int i = 0; i < 4; ++i) out += fmt::format("{:08x}", random());
    return out;
}

// A connection is a descriptor, and shells give 1024: take what the system allows us.
void raise_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        spdlog::warn("the limit of open files stays as it is: {}", std::strerror(errno));
}

void tell(const std::vector<config::problem>& problems) {
    for (const auto& p : problems) std::fprintf(stderr, "%s\n", config::to_string(p).c_str());
}

uint32_t worker_count(const start_flags& flags, const properties& given) {
    if (flags.workers) return *flags.workers;
    const uint32_t cores = std::min(std::max(std::thread::hardware_concurrency(), 1u), workers_max);
    return given.number("zilla.engine.workers", cores, 1, workers_max);
}

config::loaded load_config(const std::string& file, const properties& given,
                           const std::vector<plugin_info>& installed) {
    const config::load_options options{given.flag("zilla.engine.env.lenient", false)};
    return config::load(file, installed, config::process_environment(), options);
}

// A sibling never shares the files of the first process.
std::string cache_directory(const properties& given, const engine_directory& directory) {
    const std::string given_path = given.text("zilla.engine.cache.directory", "");
    const std::string path = given_path.empty() ? directory.path() + "/cache"
                             : directory.sibling() == 0
                                 ? given_path
                                 : fmt::format("{}-{}", given_path, directory.sibling());
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) throw directory_error("cache directory " + path + ": " + error.message());
    return std::filesystem::absolute(path).lexically_normal().string();
}

// What paths in the configuration are relative to.
std::string config_directory(const std::string& file) {
    const std::string path = file.starts_with("file:") ? file.substr(5) : file;
    return std::filesystem::absolute(path).lexically_normal().parent_path().string();
}

// The second signal: at once. Nothing is lost by it, every file is safe against a kill.
extern "C" void end_at_once(int signal) {
    ::_exit(128 + signal);
}

class runner final : public instance_view {
public:
    runner(const start_flags& flags, const properties& given, std::vector<plugin_info> installed,
           config::loaded loaded)
        : given_(given),
          plugins_(std::move(installed)),
          loaded_(std::move(loaded)),
          config_file_(config_of(flags, given)),
          grace_(given.duration("zilla.engine.shutdown.grace", std::chrono::seconds(5))),
          directory_(engine_directory::claim(engine_directory_of(given))),
          options_(engine_options_of(flags)),
          plugin_directories_(plugin_directories(flags.plugins)),
          watch_(flags.watch && given.flag("zilla.engine.config.watch", true)),
          server_(loop_, listen_on(directory_.path()), *this),
          signals_(loop_, SIGTERM, SIGINT),
          hangups_(loop_, SIGHUP),
          tending_(loop_),
          engine_(options_, plugins_) {
        if (directory_.sibling() > 0)
            spdlog::info("the engine directory is in use by another process, taking {}",
                         directory_.path());
    }

    int run() {
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (error) return;
            spdlog::info("{} received, stopping within {} ms",
                         signal == SIGINT ? "SIGINT" : "SIGTERM", grace_.count());
            request_stop();
        });
        try {
            engine_.start(loaded_.config,
                          [this] { asio::post(loop_, [this] { became_ready(); }); });
        } catch (const startup_error& e) {
            tell(e.problems());
            return 1;
        }
        spdlog::info("listening: {} bindings on {} workers", loaded_.config.bindings.size(),
                     options_.workers);
        warn_of_open_doors();
        await_hangup();
        if (watch_) watch();
        const auto work = asio::make_work_guard(loop_);
        loop_.run();
        return end();
    }

    engine_status status() const override { return engine_.status(); }
    std::vector<metric_value> metrics() const override { return engine_.metrics(); }
    const std::vector<plugin_info>& plugins() const override { return plugins_; }
    std::chrono::milliseconds grace() const override { return grace_; }

    nlohmann::json facts() const override {
        return {{"pid", ::getpid()},           {"version", WEFT_VERSION},
                {"workers", options_.workers}, {"directory", directory_.path()},
                {"config", config_file_},      {"bindings", loaded_.config.bindings.size()}};
    }

    std::vector<generation_info> generations() const override { return engine_.generations(); }

    nlohmann::json reload(std::optional<std::chrono::milliseconds> drain) override {
        if (stopping_) return {{"ok", false}, {"error", "the process ends"}};
        auto found = installed_plugins(plugin_directories_);
        auto next = load_config(config_file_, given_, found);
        for (const auto& p : next.warnings) spdlog::warn(config::to_string(p));
        if (!next.ok()) return refused(next.errors);
        reload_options how{drain};
        const std::string configured = given_.text("zilla.engine.reload.drain", "");
        if (!how.drain && !configured.empty()) how.drain = parse_duration(configured);
        try {
            const auto r = engine_.reload(next.config, found, how);
            spdlog::info("reloaded: {} added, {} changed, {} removed, {} unchanged", r.added.size(),
                         r.changed.size(), r.removed.size(), r.unchanged);
            loaded_ = std::move(next);
            plugins_ = std::move(found);
            watch_entities();
            warn_of_open_doors();
            tend();
            return {{"ok", true},           {"added", r.added},     {"changed", r.changed},
                    {"removed", r.removed}, {"renewed", r.renewed}, {"unchanged", r.unchanged}};
        } catch (const startup_error& e) {
            tend();
            return refused(e.problems());
        }
    }

    // Ends the loop once what is being answered has been written.
    void request_stop() override {
        if (std::exchange(stopping_, true)) return;
        server_.close();
        asio::post(loop_, [this] { asio::post(loop_, [this] { loop_.stop(); }); });
    }

private:
    engine_options engine_options_of(const start_flags& flags) {
        engine_options o;
        o.workers = worker_count(flags, given_);
        o.directory = directory_.path();
        o.cache_directory = cache_directory(given_, directory_);
        o.config_directory = config_directory(config_file_);
        o.instance = given_.text("zilla.engine.instance.id", random_id());
        o.properties = given_.for_engine();
        o.verbose = flags.verbose || given_.flag("zilla.engine.verbose", false);
        o.wake = [this] {
            if (!awake_.exchange(true)) asio::post(loop_, [this] { tend(); });
        };
        return o;
    }

    // Takes away what has drained.
    void tend() {
        awake_ = false;
        const auto next = engine_.tend();
        if (!next) return;
        tending_.expires_at(*next);
        tending_.async_wait([this](boost::system::error_code cancelled) {
            if (!cancelled) tend();
        });
    }

    // Once, and again when a reload has changed it.
    void warn_of_open_doors() {
        std::string open;
        for (const auto& [address, binding] : engine_.reachable())
            if (config::is_open(loaded_.config, binding))
                open += (open.empty() ? "" : ", ") + address + " (" + binding + ")";
        if (open != std::exchange(told_open_, open) && !open.empty())
            spdlog::warn("without a guard, whoever can reach it may use {}", open);
    }

    void await_hangup() {
        hangups_.async_wait([this](boost::system::error_code error, int) {
            if (error) return;
            spdlog::info("SIGHUP received, reloading");
            reload(std::nullopt);
            await_hangup();
        });
    }

    void watch() {
        try {
            watcher_.emplace(loop_, config_file_, plugin_directories_, [this] {
                spdlog::info("files have changed, reloading");
                reload(std::nullopt);
            });
        } catch (const std::system_error& e) {
            engine_.emit(WEFT_WARN, "engine.config.watcher.failed",
                         std::string("Dynamic config reloading is disabled. ") + e.what());
        }
        watch_entities();
    }

    // The files of vaults and guards, as they are configured now.
    void watch_entities() {
        if (!watcher_) return;
        try {
            watcher_->set_files(engine_.watched_files());
        } catch (const std::system_error& e) {
            engine_.emit(WEFT_WARN, "engine.config.watcher.failed",
                         std::string("Files of vaults and guards are not watched. ") + e.what());
        }
    }

    nlohmann::json refused(const std::vector<config::problem>& problems) {
        std::vector<std::string> lines;
        for (const auto& p : problems) {
            lines.push_back(config::to_string(p));
            engine_.emit(WEFT_ERROR, "engine.config.rejected",
                         "Reload Rejected, everything runs on as before: " + lines.back());
        }
        return {{"ok", false}, {"problems", lines}};
    }

    void became_ready() {
        spdlog::info("ready");
        server_.ready();
    }

    int end() {
        boost::system::error_code ignored;
        signals_.clear(ignored);
        std::signal(SIGTERM, end_at_once);
        std::signal(SIGINT, end_at_once);
        engine_.stop(grace_);
        const bool clean = engine_.status().state == engine_state::stopped;
        spdlog::info("stopped");
        // Something of a plugin still runs: the process must end without taking anything away under
        // it.
        if (!clean) ::_exit(0);
        return 0;
    }

    const properties& given_;
    std::vector<plugin_info> plugins_;
    config::loaded loaded_;
    std::string config_file_;
    std::chrono::milliseconds grace_;
    engine_directory directory_;
    engine_options options_;
    asio::io_context loop_{1};
    std::vector<std::string> plugin_directories_;
    bool watch_;
    control_server server_;
    asio::signal_set signals_;
    asio::signal_set hangups_;
    asio::steady_timer tending_;
    std::optional<watcher> watcher_;
    std::atomic<bool> awake_{false};
    engine engine_;
    bool stopping_ = false;
    std::string told_open_;  // what the last warning has named
};

}  // namespace

int start(const start_flags& flags) {
    const properties given = gather(flags.given);
    const bool verbose = flags.verbose || given.flag("zilla.engine.verbose", false);
    start_log(verbose);
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    for (const auto& line : given.complaints()) spdlog::warn(line);
    auto installed = installed_plugins(plugin_directories(flags.plugins));
    auto loaded = load_config(config_of(flags, given), given, installed);
    if (verbose) std::fprintf(stderr, "%s\n", loaded.text.c_str());
    for (const auto& p : loaded.warnings) spdlog::warn(config::to_string(p));
    tell(loaded.errors);
    if (!loaded.ok()) return 1;
    try {
        return runner(flags, given, std::move(installed), std::move(loaded)).run();
    } catch (const std::system_error& e) {
        throw directory_error(e.what());
    }
}

}  // namespace weft::cli
