#include "config.hpp"
#include "schema.hpp"

#include <gtest/gtest.h>

using namespace weft::tcp;
using nlohmann::json;

namespace {

weft::binding_config binding(const char* kind, const char* options, const char* properties = "{}",
                             int routes = 1) {
    weft::binding_config c;
    c.type = "tcp";
    c.kind = kind;
    c.options = json::parse(options);
    c.properties = json::parse(properties);
    c.routes.resize(static_cast<size_t>(routes));
    return c;
}

template <class Config>
std::string failing(const weft::binding_config& c) {
    try {
        Config parsed(c);
    } catch (const weft::config_error& e) {
        return e.path() + ": " + e.what();
    }
    return "accepted";
}

}  // namespace

TEST(server_config, defaults) {
    const server_config c(binding("server", R"({"host": "0.0.0.0", "port": 7183})"));
    EXPECT_EQ(c.host, "0.0.0.0");
    EXPECT_TRUE(c.ports.contains(7183));
    EXPECT_TRUE(c.socket.nodelay);
    EXPECT_FALSE(c.socket.keepalive);
    EXPECT_EQ(c.backlog, limits::backlog_default);
    EXPECT_EQ(c.connections_max, 0u);
    EXPECT_EQ(c.worker_connections_max, 0u);
}

TEST(server_config, everything_set) {
    const server_config c(binding(
        "server",
        R"({"host": "::", "port": ["1-3", 9], "backlog": 5, "nodelay": false, "keepalive": true, "connections": 7})",
        R"({"zilla.engine.worker.capacity.limit": "100", "zilla.binding.tcp.window.threshold": "50"})"));
    EXPECT_EQ(c.ports.count(), 4u);
    EXPECT_EQ(c.backlog, 5);
    EXPECT_FALSE(c.socket.nodelay);
    EXPECT_TRUE(c.socket.keepalive);
    EXPECT_EQ(c.connections_max, 7u);
    EXPECT_EQ(c.worker_connections_max, 100u);
    EXPECT_EQ(c.socket.window_threshold_percent, 50u);
}

TEST(server_config, limits_of_sources) {
    const auto none = server_config(binding("server", R"({"host": "x", "port": 1})"));
    EXPECT_FALSE(none.sources.any());
    EXPECT_TRUE(none.proxies.empty());
    EXPECT_EQ(none.arrival_timeout_ms, limits::arrival_timeout_ms);
    const server_config c(binding("server", R"({"host": "x", "port": 1, "sources": {"rate": 20},
        "proxy-protocol": {"trusted": ["10.0.0.0/8", "::1"]}})",
                                  R"({"weft.binding.tcp.arrival.timeout.ms": "3000",
                                      "weft.binding.tcp.arrivals.maximum": "9"})"));
    EXPECT_EQ(c.sources.rate, 20u);
    EXPECT_EQ(c.sources.burst, 100u);
    EXPECT_EQ(c.sources.connections, 0u);
    EXPECT_EQ(c.sources.remembered, limits::sources_remembered);
    EXPECT_EQ(c.proxies.size(), 2u);
    EXPECT_EQ(c.arrival_timeout_ms, 3000u);
    EXPECT_EQ(c.arrivals_max, 9u);
}

TEST(server_config, limits_that_make_no_sense) {
    const auto why = [](const char* more) {
        return failing<server_config>(
            binding("server", (R"({"host": "x", "port": 1, )" + std::string(more) + "}").c_str()));
    };
    EXPECT_EQ(why(R"("sources": {"remembered": 5})"),
              "/options/sources: 'sources' needs 'rate', 'connections', or both");
    EXPECT_EQ(
        why(R"("sources": {"connections": 5, "burst": 5})").rfind("/options/sources/burst", 0), 0u);
    EXPECT_EQ(why(R"("proxy-protocol": {})").rfind("/options/proxy-protocol: ", 0), 0u);
    EXPECT_EQ(why(R"("proxy-protocol": {"trusted": ["10.0.0.0/8", "10.0.0.0/33"]})")
                  .rfind("/options/proxy-protocol/trusted/1: '10.0.0.0/33' is not a network", 0),
              0u);
}

TEST(server_config, who_clients_are) {
    constexpr const char* both = R"({"host": "x", "port": 1,
        "proxy-protocol": {"trusted": ["10.0.0.0/8"]},
        "authorization": {"people": {"credentials": {"proxy": "common-name"}}}})";
    auto c = binding("server", both, "{}", 3);
    c.ns = "n";
    c.name = "b";
    c.routes[1].exit_name = "n:app";
    c.routes[1].guarded = json::parse(R"({"people": ["device"]})");
    const server_config good(c);
    EXPECT_EQ(good.guard, "n:people");
    EXPECT_TRUE(good.warnings.empty());
    c.routes[1].guarded = json::parse(R"({"people": [], "others": []})");
    const server_config two(c);
    ASSERT_EQ(two.warnings.size(), 1u);
    EXPECT_EQ(two.warnings[0],
              "binding n:b: routes[1] (to n:app) is guarded by 'n:others', which is not asked who "
              "connects (options.authorization): the route takes nobody");
    c.options.erase("authorization");
    const server_config none(c);
    EXPECT_EQ(none.guard, "");
    EXPECT_EQ(none.warnings.size(), 1u);
    EXPECT_TRUE(none.routes.guarded());
    c.options = json::parse(both);
    c.options.erase("proxy-protocol");
    EXPECT_EQ(failing<server_config>(c).rfind(
                  "/options/authorization: 'authorization' needs 'proxy-protocol'", 0),
              0u);
}

TEST(server_config, errors) {
    EXPECT_EQ(failing<server_config>(binding("server", R"({"port": 1})")).rfind("/options: ", 0),
              0u);
    EXPECT_EQ(failing<server_config>(binding("server", R"({"host": "x"})")).rfind("/options: ", 0),
              0u);
    EXPECT_EQ(failing<server_config>(binding("server", R"({"host": "x", "port": []})"))
                  .rfind("/options/port: ", 0),
              0u);
    EXPECT_EQ(failing<server_config>(binding("server", R"({"host": "x", "port": "1-2000"})"))
                  .rfind("/options/port: ", 0),
              0u);
    EXPECT_NE(failing<server_config>(binding("server", R"({"host": "x", "port": 1})", "{}", 0)),
              "accepted");
    EXPECT_NE(failing<server_config>(binding("server", R"({"host": "x", "port": 1})",
                                             R"({"zilla.binding.tcp.window.threshold": "101"})"))
                  .find("zilla.binding.tcp.window.threshold"),
              std::string::npos);
}

TEST(client_config, fixed_or_free_destination) {
    const client_config none(binding("client", "{}", "{}", 0));
    EXPECT_TRUE(none.host.empty());
    EXPECT_TRUE(none.permitted.empty());
    EXPECT_EQ(none.connect_timeout_ms, 10'000u);
    const client_config fixed(binding("client", R"({"host": "kafka", "port": [9093, 9092]})",
                                      R"({"zilla.binding.tcp.connect.timeout.ms": "250"})", 0));
    EXPECT_EQ(fixed.host, "kafka");
    EXPECT_EQ(fixed.port, 9093);
    EXPECT_EQ(fixed.connect_timeout_ms, 250u);
}

TEST(client_config, half_a_destination_is_refused) {
    EXPECT_EQ(
        failing<client_config>(binding("client", R"({"host": "kafka"})")).rfind("/options: ", 0),
        0u);
    EXPECT_EQ(failing<client_config>(binding("client", R"({"port": 1})")).rfind("/options: ", 0),
              0u);
}

TEST(schema, is_closed_and_described) {
    const auto schema = json::parse(weft::schema_json);
    for (const auto& [kind, parts] : schema["kinds"].items()) {
        for (const char* part : {"options", "when"}) {
            ASSERT_TRUE(parts.contains(part)) << kind;
            EXPECT_EQ(parts[part]["additionalProperties"], false) << kind << ' ' << part;
            for (const auto& [name, property] : parts[part]["properties"].items()) {
                const bool shared =
                    property.contains("$ref") &&
                    schema["$defs"]
                        .value(property["$ref"].get<std::string>().substr(8), json())
                        .contains("description");
                EXPECT_TRUE(shared || property.contains("description"))
                    << kind << ' ' << part << ' ' << name;
            }
        }
    }
    EXPECT_EQ(schema["kinds"]["client"]["exit"], "forbidden");
    EXPECT_EQ(schema["kinds"]["server"]["exit"], "required");
}
