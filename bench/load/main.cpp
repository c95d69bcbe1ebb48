// weft-load SCENARIO [--option value ...]: see scenarios.hpp. bench/run.py calls it.
#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "scenarios.hpp"

namespace {

void raise_file_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

load::options parse(int argc, char** argv) {
    load::options o;
    const auto number = [](uint32_t& target) {
        return [&target](const std::string& text) {
            target = static_cast<uint32_t>(std::stoul(text));
        };
    };
    const std::map<std::string, std::function<void(const std::string&)>> known{
        {"--port", [&](const std::string& t) { o.to.port = static_cast<uint16_t>(std::stoul(t)); }},
        {"--transport", [&](const std::string& t) { o.to.use(t); }},
        {"--qos", [&](const std::string& t) { o.qos = static_cast<uint8_t>(std::stoul(t)); }},
        {"--topic", [&](const std::string& t) { o.topic = t; }},
        {"--publishers", number(o.publishers)},
        {"--subscribers", number(o.subscribers)},
        {"--count", number(o.count)},
        {"--newcomers", number(o.newcomers)},
        {"--rate", number(o.rate)},
        {"--size", number(o.size)},
        {"--window", number(o.window)},
        {"--seconds", number(o.seconds)},
        {"--warmup", number(o.warmup_seconds)},
    };
    for (int i = 2; i < argc; i += 2) {
        const auto found = known.find(argv[i]);
        if (found == known.end()) throw std::invalid_argument(std::string("unknown: ") + argv[i]);
        if (i + 1 >= argc) throw std::invalid_argument(std::string("no value for ") + argv[i]);
        found->second(argv[i + 1]);
    }
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    const std::map<std::string, void (*)(const load::options&)> scenarios{
        {"throughput", load::throughput},
        {"latency", load::latency},
        {"idle", load::idle},
        {"fan_out", load::fan_out},
        {"first_connack", load::first_connack},
        {"steady", load::steady},
    };
    const auto chosen = argc > 1 ? scenarios.find(argv[1]) : scenarios.end();
    if (chosen == scenarios.end()) {
        std::fprintf(stderr,
                     "usage: weft-load throughput|latency|idle|fan_out|first_connack|steady "
                     "[--port N] [--transport tcp|tls|ws|wss] [--option value ...]\n");
        return 2;
    }
    try {
        raise_file_limit();
        chosen->second(parse(argc, argv));
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "weft-load: %s: %s\n", argv[1], e.what());
        return 1;
    }
}
