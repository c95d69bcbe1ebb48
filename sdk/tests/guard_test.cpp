// What bindings have for guards: expressions in texts, patterns of credentials, and base64 as
// protocols hand it over.
#include <weft/base64.hpp>
#include <weft/guard.hpp>

#include <gtest/gtest.h>

namespace weft {
namespace {

binding_config in_namespace(const char* ns) {
    binding_config c;
    c.ns = ns;
    return c;
}

std::string fault(std::string_view text) {
    try {
        guarded_text(in_namespace("n"), text);
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "";
}

TEST(guarded_text, expressions) {
    const auto c = in_namespace("n");
    identified anna;
    anna.identity = "anna";
    anna.attributes = {{"site", "7"}, {"empty", ""}};
    const identified_view view(anna, "n:g"), other(anna, "m:g");

    const guarded_text plain(c, "a $ {b}");
    EXPECT_TRUE(plain.constant());
    EXPECT_EQ(plain.of(nullptr), "a $ {b}");
    EXPECT_TRUE(plain.equals("a $ {b}", nullptr));
    EXPECT_FALSE(plain.equals("a $ {b}x", nullptr));

    const guarded_text mixed(c, "x-${guarded['g'].identity}/${guarded['n:g'].attributes.site}");
    EXPECT_FALSE(mixed.constant());
    EXPECT_EQ(mixed.of(view.get()), "x-anna/7");
    EXPECT_TRUE(mixed.equals("x-anna/7", view.get()));
    for (const char* wrong : {"", "x-anna/", "x-anna/77", "x-ann/7", "-anna/7"})
        EXPECT_FALSE(mixed.equals(wrong, view.get())) << wrong;
    EXPECT_FALSE(mixed.equals("x-anna/7", other.get())) << "another namespace's guard";
    EXPECT_EQ(mixed.of(nullptr), std::nullopt);
    EXPECT_TRUE(mixed.value_has("n", view.get()));
    EXPECT_FALSE(mixed.value_has("x/", view.get())) << "only values count";

    const guarded_text nothing(c, "${guarded['g'].attributes.empty}");
    EXPECT_FALSE(nothing.equals("", view.get())) << "no value is not an empty one";
}

TEST(guarded_text, what_is_none) {
    for (const char* bad :
         {"${", "${x}", "${guarded['g']}", "${guarded['g'].name}", "${guarded['g'].identity",
          "${guarded[g].identity}", "${guarded['g'].attributes.}", "a${guarded['g'].identity }"})
        EXPECT_NE(fault(bad).find("is no expression (allowed: "), std::string::npos) << bad;
}

TEST(credentials_pattern, finds_what_it_stands_for) {
    const credentials_pattern p("Bearer {credentials};");
    EXPECT_EQ(p.of("Bearer abc;"), "abc");
    EXPECT_EQ(p.of("BEARER abc;", true), "abc");
    for (const char* other : {"", "Bearer ;", "Bearer abc", "bearer abc;", "Bearer", ";"})
        EXPECT_FALSE(p.of(other)) << other;
    EXPECT_EQ(credentials_pattern("{credentials}").of("x"), "x");
    EXPECT_FALSE(credentials_pattern("{credentials}").of(""));
    EXPECT_THROW(credentials_pattern("Bearer"), std::invalid_argument);
    EXPECT_THROW(credentials_pattern("{credentials}{credentials}"), std::invalid_argument);
}

TEST(base64, there_and_back) {
    std::string all;
    for (int n = 0; n < 300; ++n) {
        EXPECT_EQ(from_base64(to_base64(all)), all) << n;
        all += static_cast<char>(n * 7);
    }
    EXPECT_EQ(to_base64("\xff\xfe\xfd"), "//79");
    EXPECT_EQ(from_base64("__79"), "\xff\xfe\xfd");
    EXPECT_EQ(from_base64("YQ"), "a");
    EXPECT_EQ(from_base64("YQ=="), "a");
    EXPECT_EQ(from_base64(""), "");
}

TEST(base64, what_is_none) {
    for (const char* bad :
         {"Y", "YQ=", "YQ===", "Y=Q=", "=", "====", "YR", "YWJ", "Y Q=", "YQ==\n"})
        EXPECT_FALSE(from_base64(bad)) << bad;
    EXPECT_FALSE(from_base64("_w", base64_alphabet::ordinary));
    EXPECT_FALSE(from_base64("/w", base64_alphabet::url));
    EXPECT_FALSE(from_base64(std::string_view("YQ\0", 3)));
}

}  // namespace
}  // namespace weft
