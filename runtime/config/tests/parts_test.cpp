#include "config/scalar.hpp"
#include "config/schema.hpp"
#include "config/suggest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::config {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

json plain(const std::string& text) {
    node n;
    n.kind = node_kind::scalar;
    n.plain = true;
    n.text = text;
    return scalar_to_json(n);
}

TEST(scalar, types_of_the_core_schema) {
    EXPECT_EQ(plain("8080"), 8080);
    EXPECT_EQ(plain("-5"), -5);
    EXPECT_EQ(plain("+5"), 5);
    EXPECT_EQ(plain("0x1F"), 31);
    EXPECT_EQ(plain("0o17"), 15);
    EXPECT_EQ(plain("017"), 17);
    EXPECT_EQ(plain("1.5e3"), 1500.0);
    EXPECT_EQ(plain("1.").get<double>(), 1.0);
    EXPECT_TRUE(plain("1e400").is_null() || plain("1e400").is_string());
    EXPECT_EQ(plain("18446744073709551615"), 18446744073709551615u);
    EXPECT_TRUE(plain("18446744073709551616").is_number_float());
    EXPECT_EQ(plain("true"), true);
    EXPECT_EQ(plain("FALSE"), false);
    EXPECT_TRUE(plain("~").is_null());
    EXPECT_TRUE(plain("").is_null());
    for (const char* text : {"yes", "on", "0.0.0.0", "1-2", "v5", ".inf", "-", "1_000", "0b1", "1e",
                             ".", "tRue", "12:30:45"}) {
        EXPECT_EQ(plain(text), text);
    }
}

TEST(suggest, what_was_meant) {
    const words keys{"host", "port", "backlog", "trustcacerts", "default-offset"};
    EXPECT_EQ(closest("prot", keys), "port");
    EXPECT_EQ(closest("PORT", keys), "port");
    EXPECT_EQ(closest("trust_ca_certs", keys), "trustcacerts");
    EXPECT_EQ(closest("defaultOffset", keys), "default-offset");
    EXPECT_EQ(closest("keepalive", keys), "");
    EXPECT_EQ(closest("", keys), "");
    EXPECT_EQ(closest(std::string(100000, 'x'), keys), "");
    EXPECT_EQ(in_quotes("a\nb"), "'a b'");
}

class schema : public ::testing::Test {
protected:
    static std::vector<std::string> problems(const char* text, const json& value) {
        const schema_words phrases{[](const std::string&, const json& v) { return v.dump(); },
                                   [](std::string_view) { return false; }};
        std::vector<std::string> out;
        for (const auto& f : check(json::parse(text), json::object(), value, phrases))
            out.push_back(f.pointer + ": " + f.text);
        return out;
    }
};

TEST_F(schema, one_line_per_problem) {
    EXPECT_THAT(
        problems(
            R"({"type": "object", "properties": {"a": {"type": "string", "minLength": 2}, "b": {"const": 1}}})",
            {{"a", "x"}, {"b", 2}}),
        ElementsAre("/a: needs at least 2 characters", "/b: 2 is not allowed (allowed: 1)"));
    EXPECT_THAT(problems(R"({"maxItems": 1})", {1, 2}), ElementsAre(": may have at most 1 item"));
    EXPECT_THAT(problems(R"({"exclusiveMinimum": 0})", 0),
                ElementsAre(": 0 is not allowed (more than 0)"));
    EXPECT_THAT(problems(R"({"multipleOf": 2})", 3),
                ElementsAre(": 3 is not allowed (a multiple of 2)"));
    EXPECT_THAT(problems(R"({"properties": {"a": false}})", {{"a", 1}}),
                ElementsAre("/a: is not allowed here"));
    EXPECT_THAT(
        problems(
            R"({"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": false})",
            {{"x-a", "b"}, {"c", 1}}),
        ElementsAre("/c: unknown key 'c' (nothing is allowed here)",
                    "/x-a: expected a whole number, got \"b\""));
}

TEST_F(schema, combinations) {
    EXPECT_THAT(problems(R"({"not": {"required": ["a", "b"]}})", {{"a", 1}, {"b", 2}}),
                ElementsAre(": only one of a, b may be given"));
    EXPECT_THAT(problems(R"({"dependencies": {"host": ["port"]}})", {{"host", "h"}}),
                ElementsAre(": 'host' needs 'port' beside it"));
    EXPECT_THAT(problems(R"({"if": {"required": ["a"]}, "then": {"required": ["b"]}})", {{"a", 1}}),
                ElementsAre(": 'b' is required"));
    EXPECT_THAT(
        problems(R"({"allOf": [{"required": ["a"]}, {"required": ["b"]}]})", json::object()),
        ElementsAre(": 'a' is required", ": 'b' is required"));
    EXPECT_THAT(
        problems(
            R"({"anyOf": [{"type": "string"}, {"type": "object", "properties": {"x": {"enum": ["on", "off"]}}}]})",
            {{"x", "onn"}}),
        ElementsAre("/x: \"onn\" is not allowed, did you mean 'on'? (allowed: on, off)"));
}

TEST_F(schema, what_has_no_words_is_told_as_it_is) {
    EXPECT_EQ(problems(R"({"contains": {"type": "string"}})", json::array({1})).size(), 1u);
}

TEST_F(schema, a_schema_that_cannot_be_used) {
    EXPECT_THROW(problems(R"({"type": "strung"})", 1), schema_error);
    EXPECT_THROW(problems(R"({"$ref": "#/$defs/x"})", 1), schema_error);
    EXPECT_THROW(binding_schema("[]"), schema_error);
    EXPECT_THROW(binding_schema(R"({"kinds": {"server": {"exit": "maybe"}}})"), schema_error);
}

}  // namespace
}  // namespace weft::config
