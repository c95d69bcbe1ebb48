// Options and routes from JSON.
#include "config.hpp"

#include <gtest/gtest.h>

namespace {

using namespace weft::http;

server_config configured(const std::string& more) {
    return read_config(weft::binding_config::parse(
        (R"({"namespace": "n", "name": "b", "type": "http", "kind": "server")" + more + "}")
            .c_str()));
}

std::string refused_at(const std::string& more) {
    try {
        configured(more);
    } catch (const weft::config_error& e) {
        return e.path().empty() ? e.what() : e.path();
    }
    return "accepted";
}

TEST(config, defaults) {
    const auto c = configured("");
    EXPECT_TRUE(c.routes.empty());
    EXPECT_EQ(c.head_timeout_ns, 10'000'000'000u);
    EXPECT_TRUE(c.admits("http://anywhere", "http", "a"));
}

TEST(config, published_routes) {
    const auto c = configured(R"(, "routes": [
        {"when": [{"headers": {":scheme": "http", ":authority": "localhost:7114", "upgrade": "websocket"}}],
         "exit": 7}, {"exit": 8}])");
    ASSERT_EQ(c.routes.size(), 2u);
    EXPECT_EQ(c.routes[0].when.at(0).size(), 3u);
    EXPECT_EQ(c.routes[1].exit, 8u);
    EXPECT_TRUE(c.routes[1].when.empty());
}

TEST(config, what_is_missing_is_said) {
    EXPECT_EQ(refused_at(R"(, "options": {"requests": []})"), "/options/requests");
    EXPECT_EQ(refused_at(R"(, "options": {"overrides": {}})"), "/options/overrides");
    EXPECT_EQ(refused_at(R"(, "options": {"versions": ["h2"]})"), "/options/versions");
    EXPECT_EQ(refused_at(R"(, "options": {"versions": ["h2", "http/1.1"]})"), "accepted");
    EXPECT_EQ(refused_at(R"(, "routes": [{"with": {"headers": {}}, "exit": 1}])"),
              "/routes/0/with");
    EXPECT_EQ(refused_at(R"(, "routes": [{"when": [{"headers": {":Scheme": "x"}}], "exit": 1}])"),
              "/routes/0/when/0/headers");
    EXPECT_EQ(refused_at(R"(, "routes": [{"when": [{"headers": {":no": "x"}}], "exit": 1}])"),
              "/routes/0/when/0/headers");
    EXPECT_NE(refused_at(R"(, "properties": {"zilla.binding.http.head.timeout.ms": "0"})")
                  .find("head.timeout.ms"),
              std::string::npos);
}

TEST(config, same_origin) {
    const auto c = configured(R"(, "options": {"access-control": {"policy": "same-origin"}})");
    EXPECT_TRUE(c.admits("", "http", "a:80")) << "no browser";
    EXPECT_TRUE(c.admits("http://A", "http", "a:80"));
    EXPECT_TRUE(c.admits("http://a:7114", "http", "a:7114"));
    EXPECT_FALSE(c.admits("https://a", "http", "a"));
    EXPECT_FALSE(c.admits("http://b", "http", "a"));
    EXPECT_FALSE(c.admits("null", "http", "a"));
}

TEST(config, cross_origin) {
    const auto some = configured(
        R"(, "options": {"access-control": {"policy": "cross-origin", "allow": {"origins": ["https://a.b"]}}})");
    EXPECT_TRUE(some.admits("https://A.b", "http", "x"));
    EXPECT_FALSE(some.admits("https://c", "http", "x"));
    const auto all = configured(R"(, "options": {"access-control": {"policy": "cross-origin"}})");
    EXPECT_TRUE(all.admits("https://c", "http", "x"));
}

}  // namespace
