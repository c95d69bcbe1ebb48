// kafka_probe SERVERS key value ...: runs the kafka-probe binding before a kafka client and a tcp
// client until its scenario ends. Keys: those of the probe; sasl MECHANISM:USER:PASSWORD; workers
// N; limit SECONDS; swap N: replaces the client so often, every 3.5 s; any zilla.*
// property.
#include "engine/engine.hpp"
#include "loader/catalog.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include <unistd.h>

namespace {

weft::config::binding make(const std::string& type, const std::string& name,
                           const std::string& kind, const std::string& exit) {
    weft::config::binding b;
    b.ns = "test";
    b.name = name;
    b.type = type;
    b.kind = kind;
    b.options = nlohmann::json::object();
    if (!exit.empty()) {
        weft::config::route r;
        r.exit = "test:" + exit;
        b.routes.push_back(r);
    }
    return b;
}

nlohmann::json sasl(const std::string& text) {
    std::istringstream in(text);
    std::string mechanism, user, password;
    std::getline(in, mechanism, ':');
    std::getline(in, user, ':');
    std::getline(in, password);
    return {{"mechanism", mechanism}, {"username", user}, {"password", password}};
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto answered = weft::describe_plugins(argc, argv)) return *answered;
    if (argc < 2) return std::cerr << "usage: kafka_probe SERVERS key value ...\n", 2;
    weft::engine_options options;
    // Of its own: copies of plugins lie there, and another probe may run beside this one.
    options.directory = options.cache_directory = "/tmp/weft-probe-" + std::to_string(::getpid());
    options.instance = "probe";
    weft::config::configuration c;
    auto probe = make("kafka-probe", "probe", "proxy", "client");
    auto client = make("kafka", "client", "client", "tcp");
    client.options["servers"] = {argv[1]};
    auto tcp = make("tcp", "tcp", "client", "");
    int limit_s = 60, swaps = 0;
    for (int i = 2; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "sasl") {
            client.options["sasl"] = sasl(value);
        } else if (key == "workers") {
            options.workers = static_cast<uint32_t>(std::stoul(value));
        } else if (key == "swap") {
            swaps = std::stoi(value);
        } else if (key == "limit") {
            limit_s = std::stoi(value);
        } else if (key.rfind("zilla.", 0) == 0) {
            options.properties[key] = value;
        } else {
            probe.options[key] = value;
        }
    }
    weft::config::entity log;
    log.ns = "test";
    log.name = "log";
    log.type = "stdout";
    log.options = nlohmann::json::object();
    c.bindings = {probe, client, tcp};
    c.exporters = {log};

    std::mutex mutex;
    std::condition_variable wake;
    bool ready = false;
    weft::engine engine(options,
                        weft::installed_plugins({WEFT_PLUGINS_DIR, WEFT_TEST_PLUGINS_DIR}));
    try {
        engine.start(c, [&] {
            const std::lock_guard lock(mutex);
            ready = true;
            wake.notify_all();
        });
    } catch (const weft::startup_error& e) {
        for (const auto& p : e.problems()) std::cerr << p.path << ": " << p.text << "\n";
        return 1;
    }
    const auto wait = [&](std::chrono::milliseconds time) {
        std::unique_lock lock(mutex);
        return wake.wait_for(lock, time, [&] { return ready; });
    };
    // The same servers once more are other options, and so another generation of the client.
    for (int i = 0; i < swaps && !wait(std::chrono::milliseconds(3500)); ++i) {
        engine.tend();
        c.bindings[1].options["servers"].push_back(argv[1]);
        engine.reload(c, weft::installed_plugins({WEFT_PLUGINS_DIR, WEFT_TEST_PLUGINS_DIR}), {});
    }
    const bool ended = wait(std::chrono::seconds(limit_s));
    const auto rests = [&] {
        engine.tend();
        return engine.generations().size() == c.bindings.size();
    };
    for (int i = 0; swaps > 0 && i < 1000 && !rests(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (swaps > 0) std::printf("generations %zu\n", engine.generations().size());
    if (!ended)
        for (const auto& w : engine.status().waiting_for) std::cout << "waiting for " << w << "\n";
    const auto t0 = std::chrono::steady_clock::now();
    engine.stop(std::chrono::milliseconds(2000));
    std::printf(
        "stopped in %.0f ms\n",
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - t0).count());
    return ended ? 0 : 1;
}
