// Tokens taken apart, and what is no token.
#include "token.hpp"

#include "tests/issuer.hpp"

#include <gtest/gtest.h>

namespace weft::guard_jwt {
namespace {

constexpr const char* malformed = "The token is malformed.";

std::string said(const std::string& text) {
    token t;
    const char* why = read_token(text, t);
    return why ? why : "";
}

std::string of(const std::string& header, const std::string& claims,
               const std::string& signature = "AA") {
    return base64url(header) + "." + base64url(claims) + "." + signature;
}

TEST(token, the_example_of_rfc_7515) {
    const std::string text =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    token t;
    ASSERT_EQ(read_token(text, t), nullptr);
    ASSERT_TRUE(t.alg);
    EXPECT_STREQ(t.alg->name, "HS256");
    EXPECT_EQ(t.key_id, "");
    EXPECT_EQ(t.claims["iss"], "joe");
    EXPECT_EQ(t.claims["exp"], 1300819380);
    EXPECT_EQ(t.signature.size(), 32u);
    EXPECT_EQ(t.signed_, text.substr(0, text.rfind('.')));
}

TEST(token, what_is_none) {
    const std::string head = R"({"alg":"RS256"})", claims = R"({"sub":"a"})";
    EXPECT_EQ(said(of(head, claims)), "");
    for (const std::string& text : {std::string(),
                                    std::string("a"),
                                    std::string("."),
                                    std::string(".."),
                                    std::string("a.b.c"),
                                    of(head, claims) + ".",
                                    of(head, claims) + ".AA.AA.AA",
                                    of(head, claims, "A"),
                                    of(head, claims, "AA=="),
                                    of(head, claims, "A+A/"),
                                    of(head, claims, "AB"),
                                    of("", claims),
                                    of("[]", claims),
                                    of(head, "1"),
                                    of(head, "{"),
                                    of("{}", claims),
                                    of(R"({"alg":1})", claims),
                                    of(R"({"alg":"RS256","kid":7})", claims),
                                    of(head, "{\"sub\":\"\xff\"}"),
                                    " " + of(head, claims)})
        EXPECT_EQ(said(text), malformed) << text;
    EXPECT_EQ(said(of(R"({"alg":"RS256","crit":["b64"]})", claims)),
              "The token has extensions that are not known.");
    EXPECT_EQ(said(of(head, R"({"sub":")" + std::string(20'000, 'x') + "\"}")),
              "The token is too large.");
}

TEST(token, none_is_no_algorithm) {
    for (const char* name : {"none", "None", "NONE", "", "rs256", "HS1"}) {
        const auto text = of(R"({"alg":")" + std::string(name) + "\"}", "{}", "");
        token t;
        ASSERT_EQ(read_token(text, t), nullptr) << name;
        EXPECT_EQ(t.alg, nullptr) << name;
    }
}

TEST(token, depth_has_an_end) {
    const auto nested = [](size_t n) {
        return R"({"a":)" + std::string(n, '[') + std::string(n, ']') + "}";
    };
    EXPECT_EQ(said(of(R"({"alg":"RS256"})", nested(15))), "");
    EXPECT_EQ(said(of(R"({"alg":"RS256"})", nested(16))), malformed);
    EXPECT_EQ(said(of(R"({"alg":"RS256"})", nested(5'000))), malformed);
    EXPECT_EQ(said(of(R"({"alg":"RS256"})", R"({"a":"[[[[[[[[[[[[[[[[[[[[\"{{{{{{"})")), "")
        << "in a text they are none";
}

}  // namespace
}  // namespace weft::guard_jwt
