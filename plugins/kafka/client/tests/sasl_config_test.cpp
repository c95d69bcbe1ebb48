#include "sasl_config.hpp"

#include <gtest/gtest.h>

namespace weft::kafka {
namespace {

using nlohmann::json;

binding_config make(json options) {
    binding_config c;
    c.ns = "demo";
    c.name = "south";
    c.config_directory = "/etc/weft";
    c.options = std::move(options);
    return c;
}

json newer(json credentials, const char* guard = "g") {
    return {{"authorization", {{guard, {{"credentials", std::move(credentials)}}}}}};
}

sasl_config read(json options) {
    return read_sasl(make(std::move(options))).value();
}

// The path and text of the config_error that reading ends in.
std::pair<std::string, std::string> problem(json options) {
    try {
        read_sasl(make(std::move(options)));
    } catch (const config_error& e) {
        return {e.path(), e.what()};
    }
    return {"", "no error"};
}

const json endpoint{
    {"url", "https://id.example/token"}, {"clientId", "weft"}, {"clientSecret", "s3"}};

TEST(sasl, is_absent_unless_configured) {
    EXPECT_FALSE(read_sasl(make(json::object())));
}

TEST(sasl, both_spellings_and_every_mechanism) {
    for (const auto& [name, spelled] :
         {std::pair{"plain", "PLAIN"}, std::pair{"scram-sha-1", "SCRAM-SHA-1"},
          std::pair{"scram-sha-256", "SCRAM-SHA-256"},
          std::pair{"scram-sha-512", "SCRAM-SHA-512"}}) {
        const json credentials{{"mechanism", name}, {"username", "u"}, {"password", "p$\\x"}};
        for (const auto& options : {json{{"sasl", credentials}}, newer(credentials)}) {
            const auto c = read(options);
            EXPECT_EQ(c.mechanism, spelled);
            EXPECT_EQ(c.username, "u");
            EXPECT_EQ(c.password, "p$\\x");
            EXPECT_FALSE(c.asks_guard());
            EXPECT_FALSE(c.bearer());
        }
    }
}

TEST(sasl, a_guard_holds_what_stands_in_braces_as_a_whole) {
    const auto c = read(
        newer({{"mechanism", "plain"}, {"username", "{identity}"}, {"password", "{credentials}"}}));
    EXPECT_EQ(c.guard, "demo:g");
    EXPECT_TRUE(c.guards_identity && c.guards_credentials);
    EXPECT_EQ(c.username + c.password, "");

    const auto half = read(newer(
        {{"mechanism", "plain"}, {"username", "u"}, {"password", "{credentials}"}}, "other:h"));
    EXPECT_EQ(half.guard, "other:h");
    EXPECT_FALSE(half.guards_identity);
    EXPECT_EQ(half.username, "u");

    const auto bearer = read(newer({{"mechanism", "oauthbearer"}, {"token", "{credentials}"}}));
    EXPECT_TRUE(bearer.bearer() && bearer.guards_credentials);

    // Part of a text, or without a guard, they are literal.
    const auto literal = read(newer(
        {{"mechanism", "plain"}, {"username", "x{identity}"}, {"password", "{credentials}."}}));
    EXPECT_FALSE(literal.asks_guard());
    EXPECT_EQ(literal.username, "x{identity}");
    const auto older = read(
        {{"sasl",
          {{"mechanism", "plain"}, {"username", "{identity}"}, {"password", "{credentials}"}}}});
    EXPECT_FALSE(older.asks_guard());
    EXPECT_EQ(older.username, "{identity}");
}

TEST(sasl, tokens_come_from_one_place) {
    EXPECT_EQ(read({{"sasl", {{"mechanism", "oauthbearer"}, {"token", "abc"}}}}).token, "abc");
    // Relative to the configuration's folder.
    EXPECT_EQ(read(newer({{"mechanism", "oauthbearer"}, {"tokenFile", "keys/t"}})).token_file,
              "/etc/weft/keys/t");
    EXPECT_EQ(read(newer({{"mechanism", "oauthbearer"}, {"tokenFile", "/run/t"}})).token_file,
              "/run/t");
    auto trusted = endpoint;
    trusted["trust"] = "ca.crt";
    trusted["scope"] = "kafka all";
    const auto c = read(newer({{"mechanism", "oauthbearer"},
                               {"tokenEndpoint", trusted},
                               {"extensions", {{"logicalCluster", "lkc-1"}}}}));
    ASSERT_TRUE(c.token_endpoint);
    EXPECT_EQ(c.token_endpoint->client_secret, "s3");
    EXPECT_EQ(c.token_endpoint->scope, "kafka all");
    EXPECT_EQ(c.token_endpoint->trust, "/etc/weft/ca.crt");
    EXPECT_EQ(c.extensions, (std::vector<std::string>{"logicalCluster", "lkc-1"}));
}

TEST(sasl, what_is_wrong_is_named) {
    const std::string at = "/options/authorization/g/credentials";
    EXPECT_EQ(problem({{"sasl", {{"mechanism", "plain"}, {"username", "u"}}}}),
              std::pair(std::string("/options/sasl"), std::string("'password' is missing")));
    EXPECT_EQ(problem(newer({{"mechanism", "plain"}, {"username", ""}, {"password", "p"}})).first,
              at + "/username");
    EXPECT_EQ(problem(newer({{"mechanism", "gssapi"}})).first, at + "/mechanism");
    EXPECT_EQ(problem(newer({{"mechanism", "oauthbearer"}})).first, at);
    EXPECT_EQ(
        problem(newer({{"mechanism", "oauthbearer"}, {"token", "t"}, {"tokenFile", "f"}})).first,
        at);
    EXPECT_EQ(
        problem(newer({{"mechanism", "oauthbearer"}, {"token", "t"}, {"password", "p"}})).first,
        at + "/password");
    EXPECT_EQ(
        problem(
            newer({{"mechanism", "plain"}, {"username", "u"}, {"password", "p"}, {"token", "t"}}))
            .first,
        at + "/token");
    EXPECT_EQ(
        problem(
            newer({{"mechanism", "oauthbearer"}, {"token", "t"}, {"extensions", {{"auth", "x"}}}}))
            .first,
        at + "/extensions/auth");
    auto both = newer({{"mechanism", "oauthbearer"}, {"token", "t"}});
    both["sasl"] = {{"mechanism", "oauthbearer"}, {"token", "t"}};
    EXPECT_EQ(problem(both).first, "/options/authorization");
}

// What is secret stays out of the text, however wrong it is.
TEST(sasl, errors_tell_no_secret) {
    const std::string at = "/options/sasl/tokenEndpoint";
    auto c = endpoint;
    c["url"] = "https://weft:hunter2@id.example";
    auto [path, text] = problem({{"sasl", {{"mechanism", "oauthbearer"}, {"tokenEndpoint", c}}}});
    EXPECT_EQ(path, at + "/url");
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    c["url"] = "ftp://id.example";
    EXPECT_EQ(problem({{"sasl", {{"mechanism", "oauthbearer"}, {"tokenEndpoint", c}}}}).first,
              at + "/url");
    c["url"] = "http://id.example";
    c["trust"] = "ca.crt";
    EXPECT_EQ(problem({{"sasl", {{"mechanism", "oauthbearer"}, {"tokenEndpoint", c}}}}).first,
              at + "/trust");
    std::tie(path, text) = problem({{"sasl",
                                     {{"mechanism", "plain"},
                                      {"username", "u"},
                                      {"password", std::string("hunter\0", 7) + "2"}}}});
    EXPECT_EQ(path, "/options/sasl/password");
    EXPECT_EQ(text.find("hunter"), std::string::npos) << text;
}

}  // namespace
}  // namespace weft::kafka
