#include "mapping/identity.hpp"
#include "mapping/levels.hpp"
#include "mapping/utf8.hpp"

#include <gmock/gmock.h>

#include <stdexcept>
#include <vector>

namespace weft::mqtt_kafka {
namespace {

using strings = std::vector<std::string>;

strings levels_of(std::string_view text) {
    strings out;
    for_each_level(text, [&](std::string_view l) { out.emplace_back(l); });
    return out;
}

TEST(levels, keep_every_empty_level) {
    EXPECT_EQ(levels_of("a/b"), (strings{"a", "b"}));
    EXPECT_EQ(levels_of("/a//b/"), (strings{"", "a", "", "b", ""}));
    EXPECT_EQ(levels_of("/"), (strings{"", ""}));
    EXPECT_EQ(levels_of(""), (strings{""}));
    EXPECT_EQ(count_levels("/a//b/"), 5u);
}

TEST(levels, filter_headers_lose_trailing_empty_levels) {
    EXPECT_EQ(levels_of(filter_header_part("a/b")), (strings{"a", "b"}));
    EXPECT_EQ(levels_of(filter_header_part("/a/b")), (strings{"", "a", "b"}));
    EXPECT_EQ(levels_of(filter_header_part("a//b")), (strings{"a", "", "b"}));
    EXPECT_EQ(levels_of(filter_header_part("a/b/")), (strings{"a", "b"}));
    EXPECT_EQ(levels_of(filter_header_part("a/b//")), (strings{"a", "b"}));
    for (const auto* none : {"/", "//", ""}) EXPECT_EQ(filter_header_part(none), "") << none;
}

TEST(levels, topic_names) {
    for (const auto* good : {"a", "/", "a//b", "$SYS/x", " "})
        EXPECT_TRUE(valid_topic_name(good)) << good;
    for (const auto* bad : {"", "a/+", "#", "a#b"}) EXPECT_FALSE(valid_topic_name(bad)) << bad;
    EXPECT_FALSE(valid_topic_name(std::string_view("a\0b", 3)));
    EXPECT_FALSE(valid_topic_name(std::string(65536, 'a')));
}

TEST(levels, topic_filters) {
    for (const auto* good : {"#", "+", "a/#", "+/+", "/", "a//#", "/+/"})
        EXPECT_TRUE(valid_topic_filter(good)) << good;
    for (const auto* bad : {"", "a#", "#/a", "a/#/b", "a+", "+a/b", "##"})
        EXPECT_FALSE(valid_topic_filter(bad)) << bad;
    EXPECT_FALSE(valid_topic_filter(std::string_view("a\0", 2)));
}

TEST(levels, shared_filters_are_told_by_their_first_level) {
    EXPECT_TRUE(is_shared_filter("$share/g/a"));
    EXPECT_TRUE(is_shared_filter("$share"));
    EXPECT_FALSE(is_shared_filter("$shared/g/a"));
    EXPECT_FALSE(is_shared_filter("a/$share/b"));
}

TEST(filter_matches, follows_mqtt_4_7) {
    EXPECT_TRUE(filter_matches("a/#", "a"));
    EXPECT_TRUE(filter_matches("a/#", "a/"));
    EXPECT_TRUE(filter_matches("a/#", "a/b/c"));
    EXPECT_FALSE(filter_matches("a/#", "ab"));
    EXPECT_TRUE(filter_matches("#", "a"));
    EXPECT_TRUE(filter_matches("/+", "/a"));
    EXPECT_FALSE(filter_matches("+", "/a"));
    EXPECT_TRUE(filter_matches("+/+", "/a"));
    EXPECT_TRUE(filter_matches("+", "a"));
    EXPECT_FALSE(filter_matches("a/+", "a"));
    EXPECT_TRUE(filter_matches("a/+", "a/"));
    EXPECT_FALSE(filter_matches("#", "$SYS/x"));
    EXPECT_FALSE(filter_matches("+/x", "$SYS/x"));
    EXPECT_TRUE(filter_matches("$SYS/#", "$SYS/x"));
    EXPECT_TRUE(filter_matches("$SYS/+", "$SYS/x"));
    EXPECT_TRUE(filter_matches("+/$x", "a/$x"));
}

TEST(utf8, is_strict) {
    for (const auto* good : {"", "abc", "\xc2\x80", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                             "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(valid_utf8(good)) << good;
    for (const auto* bad :
         {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc2", "\xc2z"})
        EXPECT_FALSE(valid_utf8(bad));
    EXPECT_FALSE(valid_utf8(std::string_view("a\0", 2)));
}

TEST(identity, is_one_level_of_a_whole_topic) {
    const identity_pattern p("/clients/{identity}/#");
    EXPECT_EQ(p.match("/clients/client-2/sensors/one"), "client-2");
    EXPECT_EQ(p.match("/clients/client-2"), "client-2");
    EXPECT_EQ(p.match("clients/client-2/a"), std::nullopt);
    EXPECT_EQ(p.match("/clients//a"), std::nullopt);
    EXPECT_EQ(p.match("/clients/two words/a"), std::nullopt);

    const identity_pattern q("place/+/{identity}");
    EXPECT_EQ(q.match("place/x/me"), "me");
    EXPECT_EQ(q.match("place//me"), std::nullopt);
    EXPECT_EQ(q.match("place/x/me/more"), std::nullopt);
    EXPECT_EQ(q.match("place/x"), std::nullopt);
}

TEST(identity, every_entry_counts_in_order) {
    identity_patterns all;
    all.add("place/{identity}/#");
    all.add("/clients/{identity}/#");
    all.add("place/+/{identity}");
    EXPECT_EQ(all.match("place/a/b"), "a");
    EXPECT_EQ(all.match("/clients/c/d"), "c");
    EXPECT_EQ(all.match("other"), std::nullopt);
    EXPECT_THROW(all.add("place/#"), std::invalid_argument);
}

}  // namespace
}  // namespace weft::mqtt_kafka
