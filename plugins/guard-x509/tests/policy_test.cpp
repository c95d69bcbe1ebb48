// Who a certificate makes of its owner: identity, attributes, roles; and the options for it.
#include "schema.hpp"
#include "x509.hpp"

#include <gtest/gtest.h>

namespace weft::guard_x509 {
namespace {

constexpr uint64_t now = 1'700'000'000'000;

certificate with(const std::vector<std::pair<const char*, std::string>>& values) {
    certificate c;
    c.begins_ms = now;
    c.ends_ms = now + 1'000;
    for (const auto& [name, value] : values) c.values[field_named(name).value()].push_back(value);
    return c;
}
policy policy_of(const char* options) {
    entity_config c;
    c.options = nlohmann::json::parse(options);
    return guard_x509::read_config(c);
}
// "IDENTITY +ROLE NAME=VALUE", or the refusal.
std::string ask(const char* options, const certificate& c, uint64_t at = now) {
    identified who;
    std::string out = judge(policy_of(options), c, at, who);
    if (!out.empty()) return out;
    EXPECT_EQ(who.expires_ms, c.ends_ms);
    EXPECT_EQ(who.credentials, "");
    out = who.identity;
    for (const auto& r : who.roles) out += " +" + r;
    for (const auto& [name, value] : who.attributes) out += " " + name + "=" + value;
    return out;
}
std::string fault(const char* options) {
    try {
        policy_of(options);
    } catch (const config_error& e) {
        return e.path() + ": " + e.what();
    }
    return "none";
}

TEST(x509_policy, identity) {
    const auto c =
        with({{"subject.dn", "CN=a,O=x"}, {"subject.cn", "a"}, {"san.dns", "d"}, {"san.dns", "e"}});
    EXPECT_EQ(ask("{}", c), "CN=a,O=x");
    EXPECT_EQ(ask(R"({"identity": "subject.cn"})", c), "a");
    EXPECT_EQ(ask(R"({"identity": "san.uri"})", c), "The certificate has no san.uri.");
    EXPECT_EQ(ask(R"({"identity": "san.dns"})", c), "The certificate has more than one san.dns.");
    EXPECT_EQ(ask("{}", with({})), "The certificate has no subject.dn.");
}

TEST(x509_policy, attributes) {
    const auto c = with({{"subject.dn", "x"}, {"subject.ou", "north"}, {"subject.ou", "roof"}});
    EXPECT_EQ(ask(R"({"attributes": {"site": "subject.ou", "host": "san.dns"}})", c),
              "x site=north")
        << "the first of several, and none of what is not there";
}

TEST(x509_policy, the_time) {
    const auto c = with({{"subject.dn", "x"}});
    EXPECT_EQ(ask("{}", c, now - 1), "Certificate is not valid yet.");
    EXPECT_EQ(ask("{}", c, now), "x");
    EXPECT_EQ(ask("{}", c, now + 999), "x");
    EXPECT_EQ(ask("{}", c, now + 1'000), "Certificate is expired.");
}

TEST(x509_policy, roles) {
    constexpr const char* some = R"({"roles": {
        "device": [{"subject.dn": "*"}],
        "operator": [{"subject.ou": "operators", "issuer.cn": "Staff CA"}, {"subject.cn": "boss"}],
        "gateway": [{"san.dns": "*.gw.example"}]}})";
    EXPECT_EQ(ask(some, with({{"subject.dn", "x"}})), "x +device");
    EXPECT_EQ(ask(some, with({{"subject.dn", "x"}, {"subject.ou", "Operators"}})), "x +device")
        << "all of the fields";
    EXPECT_EQ(
        ask(some,
            with({{"subject.dn", "x"}, {"subject.ou", "Operators"}, {"issuer.cn", "staff ca"}})),
        "x +device +operator");
    EXPECT_EQ(ask(some, with({{"subject.dn", "x"}, {"subject.cn", "boss"}})), "x +device +operator")
        << "any of the items";
    EXPECT_EQ(ask(some, with({{"subject.dn", "x"}, {"subject.cn", "bosss"}})), "x +device");
    EXPECT_EQ(ask(some, with({{"subject.dn", "x"},
                              {"san.dns", "a.example"},
                              {"san.dns", "a.GW.example"},
                              {"san.dns", "b.example"}})),
              "x +device +gateway")
        << "any of the values";
    EXPECT_EQ(ask(some, with({{"subject.dn", "x"}, {"san.uri", "a.gw.example"}})), "x +device");
}

TEST(x509_policy, serials_and_fingerprints_with_colons) {
    const auto c = with({{"subject.dn", "x"}, {"fingerprint.sha256", "0aff01"}, {"serial", "0b"}});
    EXPECT_EQ(ask(R"({"roles": {"a": [{"fingerprint.sha256": "0A:FF:01", "serial": "0B"}]}})", c),
              "x +a");
    EXPECT_EQ(ask(R"({"roles": {"a": [{"fingerprint.sha256": "0A:FF"}]}})", c), "x");
}

TEST(x509_policy, patterns) {
    const auto yes = [](const char* pattern, const char* text) {
        EXPECT_TRUE(matches(pattern, text)) << pattern << " " << text;
    };
    const auto no = [](const char* pattern, const char* text) {
        EXPECT_FALSE(matches(pattern, text)) << pattern << " " << text;
    };
    yes("device-?", "Device-7");
    no("device-?", "device-");
    no("device-?", "device-77");
    yes("*", "");
    no("?", "");
    yes("a*b*c", "aXbXbc");
    no("a*b*c", "aXbXb");
    yes("*??", "ab");
    no("*??", "a");
    yes("*a?c", "abcaxc");
    yes("?", "ü");
    yes("*?", "ü");
    no("??", "ü");
    no("*??", "ü");
    yes("M?nchen", "münchen");
    no("Ü", "ü");  // beyond ASCII a letter is itself
    no("", "a");
    yes("CN=*,O=Example", "CN=a,b,O=example");
    EXPECT_FALSE(matches(std::string(50, '*') + "b", std::string(4'000, 'a')));
}

TEST(x509_policy, the_schema_has_the_same_fields) {
    std::string allowed;
    const auto schema = nlohmann::json::parse(schema_json);
    for (const std::string name : schema["$defs"]["field"]["enum"])
        allowed += (allowed.empty() ? "" : ", ") + name;
    EXPECT_EQ(allowed, names_of_fields());
}

TEST(x509_policy, options_that_are_wrong) {
    const auto allowed = " (allowed: " + names_of_fields() + ")";
    EXPECT_EQ(fault(R"({"identity": "subject.common"})"),
              "/options/identity: no field 'subject.common'" + allowed);
    EXPECT_EQ(fault(R"({"attributes": {"site": "ou"}})"),
              "/options/attributes/site: no field 'ou'" + allowed);
    EXPECT_EQ(fault(R"({"roles": {"r": [{"subject.cn": "x"}, {"san": "y"}]}})"),
              "/options/roles/r/1/san: no field 'san'" + allowed);
}

}  // namespace
}  // namespace weft::guard_x509
