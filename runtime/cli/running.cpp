// The commands that look into a running instance, or end it.
#include "cli/commands.hpp"
#include "cli/control_client.hpp"
#include "cli/directory.hpp"
#include "cli/table.hpp"
#include "config/suggest.hpp"

#include <csignal>
#include <cstdio>
#include <thread>

namespace weft::cli {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds answer_timeout{5'000};
// Creating and attaching may resolve names and open files.
constexpr milliseconds reload_timeout{120'000};
// Between two looks at a directory that no process holds yet, or holds still.
constexpr milliseconds look_interval{20};
// What ending takes beyond the grace: the tasks that bindings may still run.
constexpr milliseconds end_timeout{20'000};

// "nothing runs in DIR", and where something does.
std::string nothing_runs(const std::string& directory) {
    const auto others = held_siblings(directory);
    std::string out = "nothing runs in " + directory;
    if (!others.empty())
        out += " (but in " + config::listed(others) +
               ": choose it with -P zilla.engine.directory=DIR)";
    return out;
}

void print_status(const json& s, bool as_json) {
    if (as_json) {
        std::printf("%s\n", s.dump(2).c_str());
        return;
    }
    for (const char* key :
         {"state", "pid", "version", "workers", "config", "bindings", "streams", "directory"}) {
        if (!s.contains(key)) continue;
        const json& v = s[key];
        std::printf("%s: %s\n", key,
                    v.is_string() ? v.get<std::string>().c_str() : v.dump().c_str());
    }
    const auto waiting = s.value("waiting_for", std::vector<std::string>());
    if (!waiting.empty()) std::printf("waiting for:\n");
    for (const auto& w : waiting) std::printf("  %s\n", w.c_str());
}

int tell(const json& answered, bool as_json) {
    if (answered.contains("status")) print_status(answered["status"], as_json);
    if (answered.value("ok", false)) return 0;
    std::fprintf(stderr, "%s\n",
                 answered.value("error", std::string("the running instance refused")).c_str());
    return 1;
}

// The instance in a directory, waiting until the deadline for one to come up.
std::optional<control_client> connect_until(const std::string& directory,
                                            steady_clock::time_point deadline) {
    for (;;) {
        if (auto client = control_client::connect(directory)) return client;
        if (steady_clock::now() >= deadline) return std::nullopt;
        std::this_thread::sleep_for(look_interval);
    }
}

// The instance of these flags; nothing, and a line that says so, where none runs.
std::optional<control_client> connect_or_tell(const property_flags& flags) {
    const std::string directory = engine_directory_of(gather(flags));
    auto client = control_client::connect(directory);
    if (!client) std::fprintf(stderr, "%s\n", nothing_runs(directory).c_str());
    return client;
}

bool wait_until_free(const std::string& directory, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    while (is_held(directory)) {
        if (steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(look_interval);
    }
    return true;
}

int ended(const std::string& directory, pid_t pid, milliseconds timeout) {
    if (wait_until_free(directory, timeout)) {
        std::printf("stopped (pid %d)\n", pid);
        return 0;
    }
    std::fprintf(stderr, "the process (pid %d) did not end within %lld s\n", pid,
                 static_cast<long long>(timeout.count() / 1000));
    return 1;
}

// A running process whose control socket does not answer still knows SIGTERM.
int stop_by_signal(const std::string& directory) {
    const auto pid = pid_of(directory);
    if (!pid || ::kill(*pid, SIGTERM) != 0) {
        std::fprintf(stderr, "a process holds %s, but it cannot be told to stop\n",
                     directory.c_str());
        return 1;
    }
    return ended(directory, *pid, end_timeout);
}

}  // namespace

int status(const status_flags& flags) {
    const std::string directory = engine_directory_of(gather(flags.given));
    const bool wait = flags.wait_ready || flags.wait_listening;
    const auto deadline = steady_clock::now() + (wait ? flags.timeout : milliseconds(0));
    auto client = connect_until(directory, deadline);
    if (!client) {
        std::fprintf(stderr, "%s\n",
                     (is_held(directory) ? "the process in " + directory + " is starting or ending"
                                         : nothing_runs(directory))
                         .c_str());
        return 1;
    }
    const auto left = std::max(
        std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()), milliseconds(0));
    if (flags.wait_ready)
        return tell(client->request({{"command", "wait"}, {"timeout_ms", left.count()}},
                                    left + answer_timeout),
                    flags.json);
    // It answers nothing before it listens.
    return tell(client->request({{"command", "status"}}, left + answer_timeout), flags.json);
}

int stop(const property_flags& flags) {
    const std::string directory = engine_directory_of(gather(flags));
    auto client = control_client::connect(directory);
    if (!client && is_held(directory)) return stop_by_signal(directory);
    if (!client) {
        // As in the reference, not a failure: what was wanted is so.
        std::fprintf(stderr, "%s\n", nothing_runs(directory).c_str());
        return 0;
    }
    const json answered = client->request({{"command", "stop"}}, answer_timeout);
    if (!answered.value("ok", false)) return tell(answered, false);
    const milliseconds timeout = milliseconds(answered.value("grace_ms", 0)) + end_timeout;
    client->wait_closed(timeout);
    return ended(directory, answered.value("pid", 0), end_timeout);
}

int reload(const reload_flags& flags) {
    auto client = connect_or_tell(flags.given);
    if (!client) return 1;
    json request = {{"command", "reload"}};
    if (flags.drain) request["drain_ms"] = flags.drain->count();
    const json answered = client->request(request, reload_timeout);
    for (const auto& p : answered.value("problems", std::vector<std::string>()))
        std::fprintf(stderr, "%s\n", p.c_str());
    if (!answered.value("ok", false)) {
        std::fprintf(stderr, "not reloaded: everything runs on as before\n");
        return 1;
    }
    for (const char* what : {"added", "changed", "removed", "renewed"})
        for (const auto& name : answered.value(what, std::vector<std::string>()))
            std::printf("%s %s\n", what, name.c_str());
    std::printf("unchanged: %zu\n", answered.value("unchanged", size_t{0}));
    return 0;
}

int running_plugins(const plugins_flags& flags) {
    auto client = connect_or_tell(flags.given);
    if (!client) return 1;
    const json answered = client->request({{"command", "generations"}}, answer_timeout);
    if (!answered.value("ok", false)) return tell(answered, false);
    const json& all = answered.at("generations");
    if (flags.json) {
        std::printf("%s\n", all.dump(2).c_str());
        return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& g : all) {
        std::string state = g.at("state");
        if (g.contains("drain_left_ms"))
            state +=
                " (" + std::to_string(g.at("drain_left_ms").get<int64_t>() / 1000) + " s left)";
        rows.push_back({g.at("binding"), g.at("type"), g.at("version"), g.at("generation").dump(),
                        state, g.at("streams").dump(), g.at("file")});
    }
    std::fputs(table({{"binding"},
                      {"type"},
                      {"version"},
                      {"generation", true},
                      {"state"},
                      {"streams", true},
                      {"file"}},
                     rows)
                   .c_str(),
               stdout);
    return 0;
}

int metrics(const metrics_flags& flags) {
    auto client = connect_or_tell(flags.given);
    if (!client) return 1;
    const json answered = client->request(
        {{"command", "metrics"}, {"namespace", flags.ns}, {"binding", flags.binding}},
        answer_timeout);
    if (!answered.value("ok", false)) return tell(answered, false);
    std::vector<std::vector<std::string>> rows;
    for (const auto& m : answered.at("metrics"))
        rows.push_back({m.at("namespace"), m.at("binding"), m.at("metric"), m.at("value").dump()});
    std::fputs(table({{"namespace"}, {"binding"}, {"metric"}, {"value", true}}, rows).c_str(),
               stdout);
    std::printf("\n");
    return 0;
}

}  // namespace weft::cli
