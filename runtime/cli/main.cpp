// The program `weft`: flags to commands.
#include "cli/commands.hpp"
#include "cli/plugin_new.hpp"
#include "config/suggest.hpp"
#include "loader/catalog.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>

namespace {

using namespace weft::cli;

constexpr int usage_exit = 2;

void add_properties(CLI::App& command, property_flags& to) {
    command
        .add_option("-P,--property", to.set,
                    "Set a property, such as zilla.engine.workers=2; without = it is true")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    command.add_option("-p,--properties", to.file, "Read properties from this file")
        ->type_name("FILE");
}

void add_config(CLI::App& command, start_flags& to) {
    command
        .add_option("-c,--config", to.config,
                    "The configuration, a path or a file: URL [zilla.yaml]")
        ->type_name("FILE");
    command.add_option("--plugins", to.plugins, "Look for plugins in this folder first")
        ->type_name("DIR");
    add_properties(command, to.given);
}

struct commands {
    start_flags start, check;
    plugins_flags plugins;
    plugin_new_flags plugin_new;
    status_flags status;
    property_flags stop;
    reload_flags reload;
    std::optional<double> drain_s;
    metrics_flags metrics;
    bool version_verbose = false;
    bool ignored = false;
    std::string ignored_directory;
    double timeout_s = 60;
    std::string wait_ready;

    void declare(CLI::App& app);
    void declare_plugin(CLI::App& app);
};

void commands::declare(CLI::App& app) {
    auto* s = app.add_subcommand("start", "Run a configuration until SIGTERM or SIGINT");
    add_config(*s, start);
    s->add_flag("-v,--verbose", start.verbose, "Tell more, and print the configuration");
    s->add_option("-w,--workers", start.workers, "Worker threads [one per core]")
        ->type_name("N")
        ->check(CLI::Range(1u, workers_max));
    s->add_flag("!--no-watch", start.watch, "Do not watch the configuration and the plugin files");
    s->add_flag("-e,--exception-traces", ignored, "Accepted and ignored");
    s->add_flag("-l,--logs", ignored, "Accepted and ignored: the log is always on stderr");
    s->add_option("--diagnostics-directory", ignored_directory, "Accepted and ignored")
        ->type_name("DIR");

    add_config(
        *app.add_subcommand("check", "Say what is wrong with a configuration, and run nothing"),
        check);

    auto* p = app.add_subcommand("plugins", "List what is installed");
    p->add_option("--plugins", plugins.plugins, "Look for plugins in this folder first")
        ->type_name("DIR");
    p->add_flag("--json", plugins.json, "As JSON");
    p->add_flag("--running", plugins.running,
                "What the running instance has loaded, by generation");
    add_properties(*p, plugins.given);

    declare_plugin(app);

    auto* v = app.add_subcommand("version", "Print the version");
    v->add_flag("-v,--verbose", version_verbose, "With the version of the stream ABI");

    auto* q = app.add_subcommand("status",
                                 "Show the state of the running instance and what it waits for");
    add_properties(*q, status.given);
    q->add_flag("--json", status.json, "As JSON");
    q->add_option("--wait-ready", wait_ready, "Wait until it is ready, at most this long")
        ->type_name("[SECONDS]")
        ->expected(0, 1);
    q->add_flag("--wait-listening", status.wait_listening, "Wait until it listens");
    q->add_option("--timeout", timeout_s, "Seconds to wait at most")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 86400.0));

    add_properties(
        *app.add_subcommand("stop", "End the running instance and wait until it is gone"), stop);

    auto* r = app.add_subcommand(
        "reload",
        "Go over to the changed configuration and plugin files, without a connection lost");
    r->add_option("--drain", drain_s,
                  "End what still uses the old generations after this many seconds [never]")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 86400.0));
    add_properties(*r, reload.given);

    auto* m = app.add_subcommand("metrics", "Print the metrics of the running instance");
    m->add_option("binding", metrics.binding, "Only of this binding");
    m->add_option("--namespace", metrics.ns, "Only of this namespace")->type_name("NS");
    add_properties(*m, metrics.given);
}

void commands::declare_plugin(CLI::App& app) {
    auto* p = app.add_subcommand("plugin", "Write a plugin of your own, and check it");
    p->require_subcommand(1);
    auto* n = p->add_subcommand("new", "Write a folder with a plugin project to begin with");
    n->add_option("name", plugin_new.name, "Its name, which is also the binding's type")
        ->required()
        ->type_name("NAME");
    n->add_option("--plugins", plugin_new.plugins, "Look for taken names in this folder, too")
        ->type_name("DIR");
    p->add_subcommand("check", "Drive a plugin through the contract (weft-validate)")
        ->allow_extras()
        ->footer("FILE.so and the options of weft-validate");
}

int plugin(const CLI::App& app, const commands& all) {
    const auto* given = app.get_subcommands().front();
    return given->get_name() == "new" ? plugin_new(all.plugin_new)
                                      : plugin_check(given->remaining());
}

int dispatch(const CLI::App& app, commands& all) {
    const std::string name =
        app.get_subcommands().empty() ? "help" : app.get_subcommands().front()->get_name();
    if (name == "start") return start(all.start);
    if (name == "check") return check(all.check);
    if (name == "plugins")
        return all.plugins.running ? running_plugins(all.plugins) : plugins(all.plugins);
    if (name == "reload") {
        if (all.drain_s)
            all.reload.drain = std::chrono::milliseconds(static_cast<int64_t>(*all.drain_s * 1000));
        return reload(all.reload);
    }
    if (name == "plugin") return plugin(*app.get_subcommand("plugin"), all);
    if (name == "version") return version(all.version_verbose);
    if (name == "stop") return stop(all.stop);
    if (name == "metrics") return metrics(all.metrics);
    if (name == "status") {
        const auto* option = app.get_subcommand("status")->get_option("--wait-ready");
        all.status.wait_ready = option->count() > 0;
        if (!all.wait_ready.empty())
            all.timeout_s =
                static_cast<double>(parse_duration(all.wait_ready + "s").count()) / 1000;
        all.status.timeout = std::chrono::milliseconds(static_cast<int64_t>(all.timeout_s * 1000));
        return status(all.status);
    }
    std::printf("%s", app.help().c_str());
    return 0;
}

// CLI11 says "The following argument was not expected" of a command that does not exist.
void refuse_unknown_command(const CLI::App& app, const std::string& word) {
    std::vector<std::string> names;
    for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(c->get_name());
    if (std::find(names.begin(), names.end(), word) != names.end()) return;
    using namespace weft::config;
    throw usage_error("unknown command " + in_quotes(word) + did_you_mean(word, names) +
                      " (have: " + listed(names) + ")");
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto answered = weft::describe_plugins(argc, argv)) return *answered;
    CLI::App app("Connects MQTT devices to Apache Kafka; every protocol is a plugin.", "weft");
    app.set_version_flag("--version", std::string("weft version ") + WEFT_VERSION);
    app.require_subcommand(0, 1);
    commands all;
    all.declare(app);
    app.add_subcommand("help", "Print this");
    try {
        if (argc > 1 && argv[1][0] != '-') refuse_unknown_command(app, argv[1]);
        app.parse(argc, argv);
        return dispatch(app, all);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : usage_exit;
    } catch (const usage_error& e) {
        std::fprintf(stderr, "weft: %s\n", e.what());
        return usage_exit;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "weft: %s\n", e.what());
        return 1;
    }
}
