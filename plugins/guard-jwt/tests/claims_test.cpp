// Claims: times, issuer, audience, and who it is.
#include "claims.hpp"

#include <gtest/gtest.h>

namespace weft::guard_jwt {
namespace {

using nlohmann::json;

constexpr uint64_t now = 1'700'000'000'000;

policy strict() {
    policy p;
    p.issuer = "https://auth.example.com";
    p.audience = "https://api.example.com";
    p.leeway_ms = 10'000;
    return p;
}
json good() {
    return {{"iss", "https://auth.example.com"},
            {"aud", "https://api.example.com"},
            {"sub", "anna"},
            {"exp", now / 1'000 + 60},
            {"scope", "mqtt:stream  read"}};
}
std::string said(const policy& p, const json& claims, uint64_t at = now) {
    identified who;
    const char* why = judge(p, claims, at, who);
    return why ? why : "";
}

TEST(claims, who_it_is) {
    policy p = strict();
    p.challenge_ms = 30'000;
    identified who;
    ASSERT_EQ(judge(p, good(), now, who), nullptr);
    EXPECT_EQ(who.identity, "anna");
    EXPECT_EQ(who.roles, (std::vector<std::string>{"mqtt:stream", "read"}));
    EXPECT_EQ(who.expires_ms, now + 70'000);
    EXPECT_EQ(who.challenge_ms, now + 40'000);
}

TEST(claims, times) {
    const policy p = strict();
    auto c = good();
    EXPECT_EQ(said(p, c, now + 69'999), "");
    EXPECT_EQ(said(p, c, now + 70'000), "Token is expired.");
    c["nbf"] = now / 1'000 + 10;
    EXPECT_EQ(said(p, c), "");
    c["nbf"] = now / 1'000 + 11;
    EXPECT_EQ(said(p, c), "Token is expired.");
    c.erase("nbf");
    for (const json& odd : {json("soon"), json(nullptr), json::array(), json(true)}) {
        c["exp"] = odd;
        EXPECT_EQ(said(p, c), "The token is malformed.") << odd;
    }
    for (const json& early : {json(0), json(-5), json(-1e300), json(0.5)}) {
        c["exp"] = early;
        EXPECT_EQ(said(p, c), "Token is expired.") << early;
    }
    for (const json& late : {json(1e300), json(UINT64_MAX), json(1e18)}) {
        c["exp"] = late;
        EXPECT_EQ(said(p, c), "") << late;
    }
    c.erase("exp");
    identified who;
    ASSERT_EQ(judge(p, c, now, who), nullptr);
    EXPECT_EQ(who.expires_ms, WEFT_GUARD_NEVER);
    EXPECT_EQ(who.challenge_ms, WEFT_GUARD_NEVER);
}

TEST(claims, issuer_and_audience) {
    const policy p = strict();
    const auto with = [&](const char* name, const json& value) {
        auto c = good();
        if (value.is_null())
            c.erase(name);
        else
            c[name] = value;
        return said(p, c);
    };
    constexpr const char* wrong = "Invalid issuer or audience.";
    EXPECT_EQ(with("iss", "https://auth.example.com/"), wrong);
    EXPECT_EQ(with("iss", nullptr), wrong);
    EXPECT_EQ(with("iss", json::array({"https://auth.example.com"})), wrong);
    EXPECT_EQ(with("aud", "https://other.example.com"), wrong);
    EXPECT_EQ(with("aud", nullptr), wrong);
    EXPECT_EQ(with("aud", json::array()), wrong);
    EXPECT_EQ(with("aud", 7), wrong);
    EXPECT_EQ(with("aud", json::array({"x", 7, "https://api.example.com"})), "");
    auto c = good();
    c.erase("iss"), c.erase("aud");
    EXPECT_EQ(said(policy(), c), "") << "what is not asked for may be missing";
}

TEST(claims, roles_identity_and_attributes_from_anywhere) {
    policy p;
    p.roles = "realm_access.roles";
    p.identity = "https://example.com/device";
    p.attributes = {{"site", "place.site"}, {"none", "place.none"}, {"n", "n"}};
    const json c = {{"realm_access", {{"roles", {"a", 1, "b"}}}},
                    {"https://example.com/device", "d1"},
                    {"sub", "other"},
                    {"place", {{"site", "7"}}},
                    {"n", {1, 2}}};
    identified who;
    ASSERT_EQ(judge(p, c, now, who), nullptr);
    EXPECT_EQ(who.identity, "d1");
    EXPECT_EQ(who.roles, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(who.attributes,
              (std::vector<std::pair<std::string, std::string>>{{"site", "7"}, {"n", "[1,2]"}}));
    identified bare;
    ASSERT_EQ(judge(p, {{"realm_access", 7}, {"place", "x"}, {"sub", 1}}, now, bare), nullptr);
    EXPECT_EQ(bare.identity, "");
    EXPECT_TRUE(bare.roles.empty() && bare.attributes.empty());
}

TEST(claims, a_nul_is_refused) {
    policy p;
    p.attributes = {{"a", "a"}};
    const std::string admin("admin\0x", 7);
    for (const char* name : {"sub", "scope", "a"})
        EXPECT_EQ(said(p, {{name, admin}}), "A claim has a NUL in it.") << name;
}

}  // namespace
}  // namespace weft::guard_jwt
