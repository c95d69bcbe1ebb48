// Which route takes a request.
#include "route.hpp"

#include <gtest/gtest.h>

namespace {

using namespace weft::http;

TEST(route, wildcards) {
    EXPECT_TRUE(wildcard_matches("", ""));
    EXPECT_FALSE(wildcard_matches("", "a"));
    EXPECT_TRUE(wildcard_matches("*", ""));
    EXPECT_TRUE(wildcard_matches("a*c", "abbc"));
    EXPECT_TRUE(wildcard_matches("a*c", "ac"));
    EXPECT_FALSE(wildcard_matches("a*c", "acd"));
    EXPECT_TRUE(wildcard_matches("*.b.*", "a.b.b.c"));
    EXPECT_FALSE(wildcard_matches("a.c", "abc")) << "a dot is a dot";
    EXPECT_FALSE(wildcard_matches("a", "A"));
    EXPECT_TRUE(wildcard_matches("a", "A", true));
    EXPECT_TRUE(wildcard_matches("/x/{id}/y", "/x/12/y"));
    EXPECT_FALSE(wildcard_matches("/x/{id}/y", "/x//y")) << "a capture is not empty";
    EXPECT_FALSE(wildcard_matches("/x/{id}", "/x/"));
    EXPECT_TRUE(wildcard_matches("a{b", "a{b")) << "no capture without its end";
}

TEST(route, wildcards_take_no_time) {
    std::string pattern, text(2000, 'a');
    for (int i = 0; i < 200; ++i) pattern += "*a";
    EXPECT_FALSE(wildcard_matches(pattern + "*b", text));
}

request upgrade_to(const char* authority) {
    request r;
    r.method = "GET";
    r.authority = authority;
    r.path = "/mqtt";
    r.upgrade = "WebSocket";
    r.fields = {{"host", authority}, {"upgrade", "WebSocket"}, {"x", "1"}, {"x", "2"}};
    return r;
}

// As in published configurations.
const std::vector<route> published{
    {{{{":scheme", "http"}, {":authority", "localhost:7114"}, {"upgrade", "websocket"}}}, 1},
    {{{{":authority", "*:7114"}, {"x", "2"}}, {{":path", "/other"}}}, 2}};

TEST(route, fields_are_and_items_are_or) {
    EXPECT_EQ(find_route(published, upgrade_to("localhost:7114"), "http").to->exit, 1u);
    EXPECT_EQ(find_route(published, upgrade_to("LocalHost:7114"), "http").to->exit, 1u);
    EXPECT_EQ(find_route(published, upgrade_to("127.0.0.1:7114"), "http").to->exit, 2u)
        << "one of the values of a field is enough";
    EXPECT_EQ(find_route(published, upgrade_to("localhost:7114"), "https").to->exit, 2u);
    EXPECT_EQ(find_route(published, upgrade_to("127.0.0.1:80"), "http").to, nullptr);
    auto other = upgrade_to("a");
    other.path = "/other";
    EXPECT_EQ(find_route(published, other, "http").to->exit, 2u);
}

TEST(route, an_upgrade_that_is_none_does_not_match) {
    auto r = upgrade_to("localhost:7114");
    r.upgrade.clear();
    EXPECT_EQ(find_route(published, r, "http").to->exit, 2u);
}

TEST(route, without_conditions_always) {
    EXPECT_EQ(find_route({{{}, 7}}, upgrade_to("a"), "http").to->exit, 7u);
}

}  // namespace
