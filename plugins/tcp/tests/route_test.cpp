#include "route.hpp"

#include "tests/ip.hpp"

#include <gtest/gtest.h>

using namespace weft::tcp;
using nlohmann::json;

namespace {

weft::route_config route(const char* when, uint64_t exit) {
    weft::route_config r;
    if (when) r.when = json::parse(when);
    r.exit = exit;
    return r;
}

}  // namespace

TEST(wildcard, whole_text) {
    EXPECT_TRUE(wildcard_match("example.com", "example.com"));
    EXPECT_FALSE(wildcard_match("example.com", "example.com.evil"));
    EXPECT_FALSE(wildcard_match("example.com", "my.example.com"));
    EXPECT_FALSE(wildcard_match("example.com", "exampleXcom"));
    EXPECT_TRUE(wildcard_match("*.example.com", "a.b.example.com"));
    EXPECT_FALSE(wildcard_match("*.example.com", "example.com"));
    EXPECT_TRUE(wildcard_match("*", ""));
    EXPECT_TRUE(wildcard_match("", ""));
    EXPECT_FALSE(wildcard_match("", "x"));
    EXPECT_TRUE(wildcard_match("a*b*c", "a-b-b-c"));
    EXPECT_FALSE(wildcard_match("a*b*c", "a-b-b-d"));
    EXPECT_TRUE(wildcard_match("kafka-*", "Kafka-1"));
}

TEST(route, first_match_wins_and_default_is_last) {
    const route_table t({route(R"([{"port": 7114}])", 1), route(R"([{"port": "7000-7999"}])", 2),
                         route(nullptr, 3)});
    EXPECT_EQ(t.match({ip("127.0.0.1"), 7114, {}}), 1u);
    EXPECT_EQ(t.match({ip("127.0.0.1"), 7115, {}}), 2u);
    EXPECT_EQ(t.match({ip("127.0.0.1"), 80, {}}), 3u);
}

TEST(route, items_or_fields_and) {
    const route_table t(
        {route(R"([{"port": 1, "cidr": "10.0.0.0/8"}, {"port": 2, "authority": "*.lan"}])", 9)});
    EXPECT_TRUE(t.match({ip("10.1.1.1"), 1, "x"}));
    EXPECT_FALSE(t.match({ip("11.1.1.1"), 1, "x.lan"}));
    EXPECT_TRUE(t.match({ip("11.1.1.1"), 2, "x.lan"}));
    EXPECT_FALSE(t.match({ip("10.1.1.1"), 2, "x.wan"}));
    EXPECT_TRUE(t.needs_authority());
}

TEST(route, empty_when_matches_all) {
    EXPECT_TRUE(route_table({route("[]", 4)}).match({ip("::1"), 1, {}}));
    EXPECT_TRUE(route_table({route("[{}]", 4)}).match({ip("::1"), 1, {}}));
    EXPECT_FALSE(route_table().match({ip("::1"), 1, {}}));
    EXPECT_FALSE(route_table({route("[{}]", 4)}).needs_authority());
}

TEST(route, guarded_is_for_whom_the_guard_knows) {
    weft::binding_config of;
    of.ns = "n";
    auto admins = route(R"([{"protocol": "tls"}])", 1), devices = route(R"([{"port": 7}])", 2);
    admins.guarded = json::parse(R"({"g": ["admin"]})");
    devices.guarded = json::parse(R"({"n:g": []})");
    const route_table t({admins, devices, route(R"([{"port": 8}])", 3)}, of);
    EXPECT_TRUE(t.guarded());
    const weft::identified is_boss{"boss", "", {"admin"}, {}}, is_anna{"anna", "", {"x"}, {}};
    const weft::identified_view boss(is_boss, "n:g"), anna(is_anna, "n:g"), other(is_boss, "n:o");
    const auto a = ip("127.0.0.1");
    const auto tls = weft::first_protocol::tls;
    EXPECT_EQ(t.match({a, 7, {}, tls, boss.get()}), 1u);
    EXPECT_EQ(t.match({a, 7, {}, tls, anna.get()}), 2u);
    EXPECT_EQ(t.match({a, 7, {}, tls, other.get()}), std::nullopt);
    EXPECT_EQ(t.match({a, 7, {}, tls}), std::nullopt) << "nobody knows who it is";
    EXPECT_EQ(t.match({a, 8, {}, tls}), 3u);
    EXPECT_TRUE(t.needs_protocol({a, 7, {}, {}, boss.get()}));
    EXPECT_FALSE(t.needs_protocol({a, 7, {}, {}, anna.get()}))
        << "nobody waits for a route that is not for him";
    EXPECT_FALSE(t.needs_protocol({a, 7, {}}));
}

TEST(route, bad_cidr_is_named) {
    try {
        route_table({route(R"([{"port": 1}, {"cidr": "10.0.0.0/99"}])", 1)});
        FAIL();
    } catch (const weft::config_error& e) {
        EXPECT_EQ(e.path(), "/routes/0/when/1/cidr");
    }
}

TEST(route, by_protocol) {
    const route_table t({route(R"([{"port": 1, "protocol": "tls"}])", 1),
                         route(R"([{"port": 2}])", 2), route(R"([{"protocol": "mqtt"}])", 3),
                         route(nullptr, 4)});
    const auto a = ip("127.0.0.1");
    EXPECT_TRUE(t.needs_protocol({a, 1, {}}));
    EXPECT_FALSE(t.needs_protocol({a, 2, {}})) << "a route before those that ask takes it";
    EXPECT_TRUE(t.needs_protocol({a, 3, {}}));
    EXPECT_FALSE(t.needs_protocol({a, 1, {}, weft::first_protocol::http})) << "it is known";
    EXPECT_EQ(t.match({a, 1, {}, weft::first_protocol::tls}), 1u);
    EXPECT_EQ(t.match({a, 1, {}, weft::first_protocol::mqtt}), 3u);
    EXPECT_EQ(t.match({a, 1, {}, weft::first_protocol::unknown}), 4u);
    EXPECT_FALSE(route_table({route(nullptr, 1)}).needs_protocol({a, 1, {}}));
    EXPECT_EQ(weft::protocol_of(0x16), weft::first_protocol::tls);
    EXPECT_EQ(weft::protocol_of(0x10), weft::first_protocol::mqtt);
    EXPECT_EQ(weft::protocol_of('P'), weft::first_protocol::http);
    EXPECT_EQ(weft::protocol_of('p'), weft::first_protocol::unknown);
    EXPECT_EQ(weft::protocol_of(0x00), weft::first_protocol::unknown);
}
