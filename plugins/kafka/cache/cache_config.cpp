#include "cache_config.hpp"

#include <algorithm>
#include <cstdio>

namespace weft::kafka {

namespace {

constexpr const char cache_prefix[] = "zilla.binding.kafka.cache.";

int64_t number(const binding_config& c, const char* name, int64_t fallback, int64_t min,
               int64_t max) {
    const std::string key = std::string(cache_prefix) + name;
    const int64_t v = c.property(key, fallback);
    if (v < min || v > max)
        throw config_error("", "property " + key + ": " + std::to_string(v) + " is not between " +
                                   std::to_string(min) + " and " + std::to_string(max));
    return v;
}

void read_properties(const binding_config& c, cache_config& out) {
    constexpr int64_t any = INT64_MAX;
    auto& log = out.log;
    // Whole files are mapped and addressed with 32 bits.
    log.segment_bytes =
        static_cast<uint32_t>(number(c, "segment.bytes", log.segment_bytes, 64 << 10, 1ll << 30));
    log.segment_bytes_first = std::min(log.segment_bytes_first, log.segment_bytes);
    log.retention_ms = number(c, "retention.ms", log.retention_ms, -1, any);
    if (log.retention_ms < 0) log.retention_ms = any / 2;
    const int64_t bytes =
        number(c, "retention.bytes", static_cast<int64_t>(log.retention_bytes), -1, any);
    log.retention_bytes = bytes < 0 ? UINT64_MAX : static_cast<uint64_t>(bytes);
    log.delete_retention_ms = number(c, "delete.retention.ms", log.delete_retention_ms, 0, any);
    out.limits.reopen_max_ms =
        static_cast<uint64_t>(number(c, "server.reconnect", 5, 1, 3600)) * 1000;
}

}  // namespace

// An address of its own is what each mapped file has.
std::string this_build() {
    static const char here = 0;
    char text[32];
    std::snprintf(text, sizeof text, "%p", static_cast<const void*>(&here));
    return text;
}

bool valid_topic(std::string_view name) {
    if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

bool cache_config::starts_live(std::string_view topic) const {
    const auto it =
        std::find_if(topics.begin(), topics.end(), [&](const auto& t) { return t.name == topic; });
    return it != topics.end() && it->live;
}

cache_config cache_config::parse(const binding_config& c) {
    cache_config out;
    out.name = c.qualified_name();
    out.workers = std::max(1u, c.workers);
    const std::string root =
        c.property(std::string(cache_prefix) + "directory", c.cache_directory + "/kafka");
    out.directory = root + "/" + c.ns + "." + c.name;
    if (const auto it = c.options.find("bootstrap"); it != c.options.end()) {
        for (size_t i = 0; i < it->size(); ++i) {
            out.bootstrap.push_back(it->at(i).get<std::string>());
            if (!valid_topic(out.bootstrap.back()))
                throw config_error("/options/bootstrap/" + std::to_string(i),
                                   "'" + out.bootstrap.back() + "' is not a Kafka topic name");
        }
    }
    if (c.property(std::string(cache_prefix) + "server.bootstrap", "true") == "false")
        out.bootstrap.clear();
    if (const auto it = c.options.find("topics"); it != c.options.end()) {
        for (const auto& t : *it)
            out.topics.push_back({t.at("name").get<std::string>(),
                                  t.value("defaultOffset", "historical") == "live"});
    }
    out.routes = topic_routes(c);
    read_properties(c, out);
    return out;
}

}  // namespace weft::kafka
