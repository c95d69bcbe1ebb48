#include "config.hpp"

#include <algorithm>
#include <charconv>

namespace weft::kafka {

namespace {

constexpr char client_prefix[] = "zilla.binding.kafka.client.";

std::string_view trim(std::string_view s) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!s.empty() && blank(s.front())) s.remove_prefix(1);
    while (!s.empty() && blank(s.back())) s.remove_suffix(1);
    return s;
}

int64_t bounded(const binding_config& c, const char* key, int64_t fallback, int64_t least,
                int64_t most) {
    const std::string name = std::string(client_prefix) + key;
    const int64_t v = c.property(name, fallback);
    if (v < least || v > most)
        throw config_error("", "property " + name + ": " + std::to_string(v) + " is not within " +
                                   std::to_string(least) + " to " + std::to_string(most));
    return v;
}

// One producer and one consumer per worker serve all topics, so all routes lead to the same exit.
void read_routes(client_config& out, const binding_config& c) {
    for (size_t i = 0; i < c.routes.size(); ++i) {
        const auto& r = c.routes[i];
        if (i > 0 && r.exit != out.exit)
            throw config_error("/routes/" + std::to_string(i) + "/exit",
                               "a kafka client has one exit: '" + c.routes[0].exit_name +
                                   "' and '" + r.exit_name + "' differ");
        out.exit = r.exit;
    }
    out.routes = topic_routes(c);
}

}  // namespace

std::string to_string(const server_address& a) {
    const bool v6 = a.host.find(':') != std::string::npos;
    return (v6 ? "[" + a.host + "]" : a.host) + ":" + std::to_string(a.port);
}

std::optional<server_address> parse_server(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    } else if (host.find_first_of("[]:") != std::string_view::npos) {
        return std::nullopt;
    }
    if (host.empty() || host.find_first_of(" \t/,") != std::string_view::npos) return std::nullopt;
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
        return std::nullopt;
    return server_address{std::string(host), port};
}

std::vector<server_address> parse_servers(std::string_view text, const std::string& path) {
    std::vector<server_address> out;
    while (true) {
        const auto comma = text.find(',');
        const auto entry = trim(text.substr(0, comma));
        const auto address = parse_server(entry);
        if (!address)
            throw config_error(path,
                               "'" + std::string(entry) + "' is not a server: expected host:port");
        out.push_back(*address);
        if (comma == std::string_view::npos) return out;
        text.remove_prefix(comma + 1);
    }
}

client_config client_config::parse(const binding_config& c) {
    client_config out;
    out.name = c.qualified_name();
    const auto servers = c.options.value("servers", nlohmann::json::array());
    for (size_t i = 0; i < servers.size(); ++i) {
        for (auto& s :
             parse_servers(servers[i].get<std::string>(), "/options/servers/" + std::to_string(i)))
            out.servers.push_back(std::move(s));
    }
    out.sasl = read_sasl(c);
    read_routes(out, c);

    constexpr int64_t hour = 3'600'000, most_bytes = 1'000'000'000;
    out.client_id = c.property(std::string(client_prefix) + "id", std::string());
    out.meta_max_age_ms = bounded(c, "meta.max.age.ms", out.meta_max_age_ms, 100, 24 * hour);
    out.fetch_max_wait_ms = bounded(c, "fetch.max.wait.millis", out.fetch_max_wait_ms, 0, 60'000);
    out.fetch_max_bytes = bounded(c, "fetch.max.bytes", out.fetch_max_bytes, 1024, most_bytes);
    out.fetch_partition_max_bytes = bounded(
        c, "fetch.partition.max.bytes", out.fetch_partition_max_bytes, 1024, out.fetch_max_bytes);
    out.produce_linger_ms =
        bounded(c, "produce.max.request.millis", out.produce_linger_ms, 0, 60'000);
    out.produce_timeout_ms =
        bounded(c, "produce.max.response.millis", out.produce_timeout_ms, 1'000, 900'000);
    out.produce_max_bytes =
        bounded(c, "produce.max.bytes", out.produce_max_bytes, 1024, most_bytes);
    out.reconnect_max_ms = bounded(c, "reconnect.max.millis", out.reconnect_max_ms, 10, hour);
    out.unknown_topic_ms = bounded(c, "unknown.topic.millis", out.unknown_topic_ms, 0, hour);
    return out;
}

}  // namespace weft::kafka
