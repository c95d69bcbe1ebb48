#include "config.hpp"

#include <gtest/gtest.h>

namespace weft::kafka {
namespace {

binding_config make(nlohmann::json options, nlohmann::json properties = nlohmann::json::object()) {
    binding_config c;
    c.ns = "demo";
    c.name = "south";
    c.type = "kafka";
    c.kind = "client";
    c.options = std::move(options);
    c.properties = std::move(properties);
    c.routes.push_back({nullptr, nullptr, nullptr, 7, "demo:tcp"});
    return c;
}

// The path and text of the config_error that parsing ends in.
std::pair<std::string, std::string> problem(const binding_config& c) {
    try {
        client_config::parse(c);
    } catch (const config_error& e) {
        return {e.path(), e.what()};
    }
    return {"", "no error"};
}

TEST(servers, names_addresses_and_lists) {
    EXPECT_EQ(parse_server("localhost:9092"), (server_address{"localhost", 9092}));
    EXPECT_EQ(parse_server("[::1]:9092"), (server_address{"::1", 9092}));
    EXPECT_EQ(parse_server("10.0.0.1:65535"), (server_address{"10.0.0.1", 65535}));
    const auto list = parse_servers(" a:1, b.example:2 ,[fe80::1]:3", "/x");
    ASSERT_EQ(list.size(), 3u);
    EXPECT_EQ(to_string(list[1]), "b.example:2");
    EXPECT_EQ(to_string(list[2]), "[fe80::1]:3");
}

TEST(servers, what_is_no_server) {
    for (const auto* text : {"", "localhost", "localhost:", ":9092", "a:0", "a:65536", "a:12x",
                             "::1:9092", "[]:1", "a b:1", "sasl_plaintext://a:1", "a:-1"})
        EXPECT_FALSE(parse_server(text)) << text;
}

TEST(servers, an_error_names_the_entry) {
    const auto [path, text] = problem(make({{"servers", {"a:1", "b:2,c"}}}));
    EXPECT_EQ(path, "/options/servers/1");
    EXPECT_EQ(text, "'c' is not a server: expected host:port");
    EXPECT_EQ(problem(make({{"servers", {""}}})).first, "/options/servers/0");
}

TEST(servers, may_be_absent) {
    const auto c = client_config::parse(make(nlohmann::json::object()));
    EXPECT_TRUE(c.servers.empty());
    EXPECT_EQ(c.exit, 7u);
    EXPECT_EQ(c.name, "demo:south");
}

TEST(routes, one_exit_and_topic_wildcards) {
    auto c = make(nlohmann::json::object());
    c.routes.clear();
    c.routes.push_back({nullptr,
                        nlohmann::json::parse(R"([{"topic": "mqtt-*"}, {"topic": "orders"}])"),
                        nullptr, 7, "demo:tcp"});
    const auto parsed = client_config::parse(c);
    EXPECT_TRUE(parsed.serves("mqtt-messages"));
    EXPECT_TRUE(parsed.serves("orders"));
    EXPECT_FALSE(parsed.serves("orders2"));
    c.routes.push_back({nullptr, nullptr, nullptr, 7, "demo:tcp"});
    EXPECT_TRUE(client_config::parse(c).serves("anything"));
    c.routes.back().exit = 8;
    c.routes.back().exit_name = "demo:other";
    EXPECT_EQ(problem(c).first, "/routes/1/exit");
}

TEST(wildcards, match_whole_texts) {
    EXPECT_TRUE(wildcard_match("*", ""));
    EXPECT_TRUE(wildcard_match("a*c*", "abcabc"));
    EXPECT_TRUE(wildcard_match("*.x", "a.b.x"));
    EXPECT_FALSE(wildcard_match("a.c", "abc"));
    EXPECT_FALSE(wildcard_match("a*b", "acd"));
    EXPECT_FALSE(wildcard_match("", "a"));
}

TEST(properties, are_bounded) {
    const auto c = client_config::parse(
        make(nlohmann::json::object(), {{"zilla.binding.kafka.client.meta.max.age.ms", "250"},
                                        {"zilla.binding.kafka.client.id", "weft"}}));
    EXPECT_EQ(c.meta_max_age_ms, 250);
    EXPECT_EQ(c.client_id, "weft");
    const auto text = problem(make(nlohmann::json::object(),
                                   {{"zilla.binding.kafka.client.produce.max.bytes", "1"}}))
                          .second;
    EXPECT_NE(text.find("produce.max.bytes: 1 is not within"), std::string::npos) << text;
    EXPECT_NE(problem(make(nlohmann::json::object(),
                           {{"zilla.binding.kafka.client.meta.max.age.ms", "soon"}}))
                  .second,
              "no error");
}

}  // namespace
}  // namespace weft::kafka
