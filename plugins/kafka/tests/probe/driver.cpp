// kafka_probe SERVERS key value ...: runs the kafka-probe binding before a kafka client and a tcp
// client until its scenario ends. Keys: those of the probe; sasl MECHANISM:USER:PASSWORD; workers
// N; limit SECONDS; any zilla.* property.
#include "engine/engine.hpp"
#include "loader/catalog.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <sstream>

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
    if (argc < 2) return std::cerr << "usage: kafka_probe SERVERS key value ...\n", 2;
    weft::engine_options options;
    options.directory = options.cache_directory = "/tmp";
    options.instance = "probe";
    weft::config::configuration c;
    auto probe = make("kafka-probe", "probe", "proxy", "client");
    auto client = make("kafka", "client", "client", "tcp");
    client.options["servers"] = {argv[1]};
    auto tcp = make("tcp", "tcp", "client", "");
    int limit_s = 60;
    for (int i = 2; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "sasl") {
            client.options["sasl"] = sasl(value);
        } else if (key == "workers") {
            options.workers = static_cast<uint32_t>(std::stoul(value));
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
    bool ended = false;
    {
        std::unique_lock lock(mutex);
        ended = wake.wait_for(lock, std::chrono::seconds(limit_s), [&] { return ready; });
    }
    if (!ended)
        for (const auto& w : engine.status().waiting_for) std::cout << "waiting for " << w << "\n";
    const auto t0 = std::chrono::steady_clock::now();
    engine.stop(std::chrono::milliseconds(2000));
    std::printf(
        "stopped in %.0f ms\n",
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - t0).count());
    return ended ? 0 : 1;
}
