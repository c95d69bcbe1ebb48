// `weft start`: one control thread that owns the engine, the signals and the control socket.
#include "cli/commands.hpp"
#include "cli/control_server.hpp"
#include "cli/control_socket.hpp"
#include "cli/directory.hpp"
#include "cli/log.hpp"
#include "config/load.hpp"
#include "loader/catalog.hpp"

#include <weft/abi.h>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include <spdlog/spdlog.h>

#include <sys/resource.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>

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
          server_(loop_, listen_on(directory_.path()), *this),
          signals_(loop_, SIGTERM, SIGINT),
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

    // Ends the loop once what is being answered has been written.
    void request_stop() override {
        if (std::exchange(stopping_, true)) return;
        server_.close();
        asio::post(loop_, [this] { asio::post(loop_, [this] { loop_.stop(); }); });
    }

private:
    engine_options engine_options_of(const start_flags& flags) const {
        engine_options o;
        o.workers = worker_count(flags, given_);
        o.directory = directory_.path();
        o.cache_directory = cache_directory(given_, directory_);
        o.instance = given_.text("zilla.engine.instance.id", random_id());
        o.properties = given_.for_engine();
        o.verbose = flags.verbose || given_.flag("zilla.engine.verbose", false);
        return o;
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
    control_server server_;
    asio::signal_set signals_;
    engine engine_;
    bool stopping_ = false;
};

}  // namespace

int start(const start_flags& flags) {
    const properties given = gather(flags.given);
    const bool verbose = flags.verbose || given.flag("zilla.engine.verbose", false);
    start_log(verbose);
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    for (const auto& line : given.complaints()) spdlog::warn(line);
    // In a child process each, so before there is any thread.
    auto installed = installed_plugins(plugin_directories(flags.plugins));
    const config::load_options options{given.flag("zilla.engine.env.lenient", false)};
    auto loaded =
        config::load(config_of(flags, given), installed, config::process_environment(), options);
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
