// The options of the `client` kind, read once and constant from then on. Every default is visible
// here.
#pragma once

#include "sasl_config.hpp"
#include "topic_routes.hpp"

#include <weft/config.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft::kafka {

struct server_address {
    std::string host;  // a name or a literal address, without brackets
    uint16_t port = 0;

    bool operator==(const server_address&) const = default;
};

// "host:9092", with brackets around an IPv6 literal.
std::string to_string(const server_address& a);

// Splits at the last colon; a literal IPv6 address stands in brackets. Empty when it is not
// host:port.
std::optional<server_address> parse_server(std::string_view text);

// A list in one text, "a:9092, b:9092". Throws config_error(path) naming the entry that is wrong.
std::vector<server_address> parse_servers(std::string_view text, const std::string& path);

// librdkafka needs a bootstrap server; this one stands for "the exit's own destination".
inline constexpr char placeholder_host[] = "exit";

struct client_config {
    std::string name;                     // "namespace:binding"
    std::vector<server_address> servers;  // empty: the exit knows where to go
    std::optional<sasl_config> sasl;
    uint64_t exit = 0;
    topic_routes routes;

    // zilla.binding.kafka.client.*
    std::string client_id;  // client.id
    int64_t meta_max_age_ms =
        60'000;  // meta.max.age.ms: how often partitions and configs are read again
    int64_t fetch_max_wait_ms =
        500;  // fetch.max.wait.millis: how long a broker may hold an empty answer
    int64_t fetch_max_bytes = 16 << 20;           // fetch.max.bytes: of one answer
    int64_t fetch_partition_max_bytes = 1 << 20;  // fetch.partition.max.bytes
    int64_t produce_linger_ms = 0;                // produce.max.request.millis
    int64_t produce_timeout_ms =
        30'000;  // produce.max.response.millis: one request; it is repeated for ever
    int64_t produce_max_bytes =
        8 << 20;  // produce.max.bytes: one record; the broker's limit is usually lower
    int64_t reconnect_max_ms =
        1'000;  // reconnect.max.millis: ceiling of the pause between connection attempts
    int64_t unknown_topic_ms = 5'000;  // unknown.topic.millis: records wait so long for a topic
                                       // that the cluster does not have

    bool serves(std::string_view topic) const { return routes.empty() || routes.exit_for(topic); }

    static client_config parse(const binding_config& c);
};

}  // namespace weft::kafka
