// Route conditions, and what the configuration must not say.
#include "config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::tls {
namespace {

using nlohmann::json;

binding_config config_of(const json& options, const json& when = json(),
                         const char* kind = "server") {
    binding_config c;
    c.ns = "n";
    c.name = "b";
    c.kind = kind;
    c.vault = "n:v";
    c.options = options;
    c.routes.push_back({json(), when, json(), 7, "n:x"});
    c.properties = json::object();
    return c;
}

bool matches(const json& when, const facts& f) {
    const auto c = read_config(config_of({{"keys", {"k"}}}, json::array({when})));
    return c.routes.front().matches(f);
}

std::string error(const binding_config& c) {
    try {
        read_config(c);
    } catch (const config_error& e) {
        return e.path() + ": " + e.what();
    }
    return "none";
}

TEST(route, names_and_protocols) {
    facts f;
    f.port = 8883;
    EXPECT_TRUE(matches(json::object(), f));
    EXPECT_FALSE(matches({{"authority", "*"}}, f)) << "none was asked for";
    EXPECT_FALSE(matches({{"alpn", "*"}}, f)) << "none was agreed upon";
    f.authority = "MQTT.example";
    f.alpn = "mqtt";
    EXPECT_TRUE(matches({{"authority", "mqtt.*"}}, f));
    EXPECT_FALSE(matches({{"authority", "mqttxexample"}}, f)) << "a dot is a dot";
    EXPECT_TRUE(matches({{"alpn", "mqtt"}}, f));
    EXPECT_FALSE(matches({{"alpn", "MQTT"}}, f)) << "protocols are bytes";
    EXPECT_FALSE(matches({{"alpn", "mqtt"}, {"authority", "other"}}, f)) << "all must hold";
}

TEST(route, ports) {
    facts f;
    f.port = 8883;
    EXPECT_TRUE(matches({{"port", 8883}}, f));
    EXPECT_TRUE(matches({{"port", "8883"}}, f));
    EXPECT_TRUE(matches({{"port", "8000-9000"}}, f));
    EXPECT_TRUE(matches({{"port", {1, "8880-8883"}}}, f));
    EXPECT_FALSE(matches({{"port", {1, "8884-8890"}}}, f));
}

TEST(route, first_byte) {
    facts f;
    EXPECT_FALSE(matches({{"protocol", "mqtt"}}, f)) << "it has said nothing";
    f.speaks = first_protocol::mqtt;
    EXPECT_TRUE(matches({{"protocol", "mqtt"}}, f));
    EXPECT_FALSE(matches({{"protocol", "http"}}, f));
}

TEST(route, certificates) {
    facts f;
    EXPECT_FALSE(matches({{"mutual", "required"}}, f));
    EXPECT_TRUE(matches({{"mutual", "none"}}, f));
    f.certificate = true;
    f.trusted_by = [](const void*, const std::string& alias) { return alias == "ours"; };
    EXPECT_TRUE(matches({{"mutual", "required"}}, f));
    EXPECT_TRUE(matches({{"trust", {"other", "ours"}}}, f));
    EXPECT_FALSE(matches({{"trust", {"other"}}}, f));
}

TEST(tls_config, defaults) {
    auto c = read_config(config_of({{"keys", {"k"}}}));
    EXPECT_EQ(c.client_certificate, mutual::none);
    EXPECT_EQ(c.version, protocol::any);
    EXPECT_EQ(c.handshake_timeout_ns, 10'000'000'000u);
    c = read_config(config_of({{"keys", {"k"}}, {"trust", {"t"}}}));
    EXPECT_EQ(c.client_certificate, mutual::required);
    EXPECT_FALSE(c.trust_system) << "a server trusts what it lists";
    c = read_config(config_of(json::object(), json(), "client"));
    EXPECT_TRUE(c.trust_system);
    EXPECT_TRUE(c.verify_name && c.send_name);
    c = read_config(config_of({{"trust", {"t"}}}, json(), "client"));
    EXPECT_FALSE(c.trust_system);
    c = read_config(config_of({{"trust", {"t"}}, {"trustcacerts", true}}, json(), "client"));
    EXPECT_TRUE(c.trust_system) << "both";
}

TEST(tls_config, what_cannot_be) {
    EXPECT_EQ(error(config_of(json::object())),
              "/options: 'keys', or 'signers', is required for a tls server");
    EXPECT_EQ(error(config_of({{"keys", {"k"}}, {"signers", {"s"}}})),
              "/options/signers: 'keys' and 'signers' exclude each other");
    EXPECT_EQ(error(config_of({{"keys", {"k"}}, {"mutual", "required"}})),
              "/options/mutual: 'trust' is required, to know whose certificates to accept");
    auto c = config_of({{"keys", {"k"}}});
    c.vault.clear();
    EXPECT_EQ(error(c), "/vault: 'vault' is required: where the keys of a tls server are");
    c = config_of({{"trust", {"t"}}}, json(), "client");
    c.vault.clear();
    EXPECT_EQ(error(c), "/vault: 'vault' is required: where 'keys', 'trust' and 'signers' are");
    EXPECT_EQ(error(config_of({{"keys", {"k"}}}, {{{"port", "90-80"}}})),
              "/routes/0/when/0/port: '90-80' ends before it begins");
    EXPECT_EQ(error(config_of({{"keys", {"k"}}}, {{{"port", "70000"}}})),
              "/routes/0/when/0/port: '70000' is no port (1 to 65535)");
    EXPECT_EQ(error(config_of({{"keys", {"k"}}}, {{{"trust", {"t"}}, {"mutual", "none"}}})),
              "/routes/0/when/0/trust: 'mutual' is none: there is no certificate to trust");
    c = config_of({{"keys", {"k"}}});
    c.properties = {{"zilla.binding.tls.handshake.timeout", "0"}};
    EXPECT_THAT(error(c), ::testing::HasSubstr("0 is not allowed (1 to 86400)"));
}

}  // namespace
}  // namespace weft::tls
