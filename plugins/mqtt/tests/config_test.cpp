// Options, properties, routes, and the timer wheel.
#include "config.hpp"
#include "timer_wheel.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace weft::mqtt {
namespace {

binding_config with(const char* options, const char* properties = "{}",
                    const char* routes = R"([{"exit": 3}])") {
    const std::string text =
        std::string(
            R"({"namespace": "n", "name": "m", "type": "mqtt", "kind": "server", "options": )") +
        options + R"(, "properties": )" + properties + R"(, "routes": )" + routes + "}";
    return binding_config::parse(text.c_str());
}

std::string error_of(const char* options, const char* properties = "{}",
                     const char* routes = R"([{"exit": 3}])") {
    try {
        read_settings(with(options, properties, routes));
    } catch (const config_error& e) {
        return e.path() + ": " + e.what();
    }
    return "";
}

TEST(config, defaults) {
    const settings s = read_settings(with("null"));
    EXPECT_TRUE(s.accept_311 && s.accept_5);
    EXPECT_EQ(s.connect_timeout_ms, 3'000u);
    EXPECT_EQ(s.keep_alive_s_min, 10);
    EXPECT_EQ(s.keep_alive_s_max, 1'000);
    EXPECT_EQ(s.packet_size_max, 1u << 20);
    EXPECT_EQ(s.routes.session("any"), 3u);
}

TEST(config, properties_and_options) {
    const settings s = read_settings(with(
        R"({"versions": ["v5"], "receive-maximum": 7, "store": "memory0"})",
        R"({"zilla.binding.mqtt.connect.timeout": "PT0.5S", "zilla.binding.mqtt.keep.alive.maximum": "2000",
                                              "weft.binding.mqtt.receive.maximum": "9", "weft.binding.mqtt.maximum.packet.size": "4096",
                                              "zilla.binding.mqtt.publish.qos.max": "at_least_once"})"));
    EXPECT_FALSE(s.accept_311);
    EXPECT_EQ(s.receive_maximum, 7) << "the option wins";
    EXPECT_EQ(s.connect_timeout_ms, 500u);
    EXPECT_EQ(s.keep_alive_s_max, 2'000);
    EXPECT_EQ(s.packet_size_max, 4'096u);
    EXPECT_EQ(s.publish_qos_max, 1);
}

TEST(config, durations) {
    EXPECT_EQ(parse_duration_ms("k", "PT3S"), 3'000u);
    EXPECT_EQ(parse_duration_ms("k", "PT1M30S"), 90'000u);
    EXPECT_EQ(parse_duration_ms("k", "P1DT2H"), 93'600'000u);
    EXPECT_EQ(parse_duration_ms("k", "P1W"), 604'800'000u);
    EXPECT_EQ(parse_duration_ms("k", "0.25"), 250u);
    EXPECT_EQ(parse_duration_ms("k", "7"), 7'000u);
    for (const char* bad :
         {"", "P", "PT", "3S", "PT3", "P1M", "PT3X", "-1", "nan", "inf", "3 ", "PTS", "P3S"})
        EXPECT_THROW(parse_duration_ms("k", bad), config_error) << bad;
}

TEST(config, what_cannot_be_kept_is_an_error) {
    EXPECT_NE(error_of(R"({"topics": [{"name": "a", "content": {}}]})").find("/options/topics"),
              std::string::npos);
    EXPECT_NE(error_of("null", R"({"zilla.binding.mqtt.connect.timeout": "soon"})")
                  .find("zilla.binding.mqtt.connect.timeout"),
              std::string::npos);
    EXPECT_NE(
        error_of("null", R"({"weft.binding.mqtt.receive.maximum": "0"})").find("receive.maximum"),
        std::string::npos);
    EXPECT_NE(
        error_of("null", R"({"zilla.binding.mqtt.publish.qos.max": "3"})").find("at_most_once"),
        std::string::npos);
}

bool match(std::string_view pattern, std::string_view text, const char* id = nullptr,
           const weft_guard_session* who = nullptr) {
    binding_config c;
    c.ns = "n";
    std::vector<topic_pattern::constraint> params;
    if (id) params.push_back({"id", guarded_text(c, id)});
    return topic_pattern(pattern, params).matches(text, who);
}

TEST(config, the_guard_and_where_its_credentials_are) {
    const settings s = read_settings(with(
        R"({"authorization": {"jwt": {"credentials": {"connect": {"username": "Bearer {credentials}"}}}}})"));
    ASSERT_TRUE(s.guard);
    EXPECT_EQ(s.guard->name, "n:jwt");
    EXPECT_FALSE(s.guard->in_password);
    EXPECT_EQ(s.guard->pattern.of("Bearer abc"), "abc");
    EXPECT_FALSE(s.guard->pattern.of("Bearer "));
    EXPECT_FALSE(s.guard->pattern.of("bearer abc"));
    EXPECT_EQ(
        error_of(
            R"({"authorization": {"jwt": {"credentials": {"connect": {"password": "Bearer"}}}}})"),
        "/options/authorization/jwt/credentials/connect/password: 'Bearer' needs {credentials}, "
        "once");
}

TEST(route, topic_patterns) {
    EXPECT_TRUE(match("#", "a"));
    EXPECT_TRUE(match("#", "$SYS/x"));
    EXPECT_TRUE(match("a/#", "a/b/c"));
    EXPECT_FALSE(match("a/#", "a")) << "# is anything behind the slash";
    EXPECT_TRUE(match("a/+/c", "a/b/c"));
    EXPECT_TRUE(match("a/+/c", "a//c")) << "+ takes an empty level";
    EXPECT_FALSE(match("a/+", "a/b/c"));
    EXPECT_FALSE(match("sensor/+", "sensor/#")) << "the filter reaches further than the pattern";
    EXPECT_TRUE(match("sensor/+", "sensor/+"));
    EXPECT_TRUE(match("sensor/#", "sensor/#"));
    EXPECT_TRUE(match("a", "a"));
    EXPECT_FALSE(match("a", "a/"));
    EXPECT_TRUE(match("/a", "/a"));
    EXPECT_FALSE(match("a/b", "a"));
    EXPECT_TRUE(match("s/{id}", "s/1"));
    EXPECT_FALSE(match("s/{id}", "s/")) << "a name is not empty";
    EXPECT_FALSE(match("s/{id}", "s/#"));
}

TEST(route, params_constrain_names) {
    EXPECT_TRUE(match("s/{id}", "s/1", "1"));
    EXPECT_FALSE(match("s/{id}", "s/2", "1"));
    EXPECT_FALSE(match("s/{id}", "s/+", "1"));
    constexpr const char* identity = "${guarded['g'].identity}";
    EXPECT_FALSE(match("s/{id}", "s/1", identity)) << "an anonymous client has no identity";
    identified anna;
    anna.identity = "anna";
    anna.attributes = {{"site", "7"}};
    const identified_view view(anna, "n:g"), of_other(anna, "n:other");
    EXPECT_TRUE(match("s/{id}/#", "s/anna/x", identity, view.get()));
    EXPECT_FALSE(match("s/{id}/#", "s/annabel/x", identity, view.get()));
    EXPECT_FALSE(match("s/{id}/#", "s/ann/x", identity, view.get()));
    EXPECT_FALSE(match("s/{id}/#", "s/+/x", identity, view.get()));
    EXPECT_FALSE(match("s/{id}", "s/anna", identity, of_other.get())) << "of another guard";
    EXPECT_TRUE(match("s/{id}", "s/d7", "d${guarded['n:g'].attributes.site}", view.get()));
    EXPECT_FALSE(match("s/{id}", "s/d", "d${guarded['g'].attributes.none}", view.get()));
    for (const char* name : {"+", "#", ""}) {
        identified odd;
        odd.identity = name;
        const identified_view odd_view(odd, "n:g");
        EXPECT_FALSE(match("s/{id}", "s/" + std::string(name), identity, odd_view.get())) << name;
    }
    EXPECT_EQ(error_of("null", "{}", R"([{"exit": 3, "when": [{"publish": [{"topic": "a/{x}",
                  "params": {"x": "${guarded['g'].name}"}}]}]}])"),
              "/routes/0/when/0/publish/0/params/x: '${guarded['g'].name}' is no expression "
              "(allowed: ${guarded['GUARD'].identity}, ${guarded['GUARD'].attributes.NAME})");
    EXPECT_NE(
        error_of(
            "null", "{}",
            R"([{"exit": 3, "when": [{"publish": [{"topic": "a/{x}", "params": {"y": "1"}}]}]}])")
            .find("/routes/0/when/0/publish/0/params/y"),
        std::string::npos);
}

TEST(route, client_id_patterns) {
    EXPECT_TRUE(matches_client_id("*", ""));
    EXPECT_TRUE(matches_client_id("dev-*", "dev-"));
    EXPECT_TRUE(matches_client_id("*-x-*", "a-x-b-x-c"));
    EXPECT_FALSE(matches_client_id("dev-*", "xdev-1"));
    EXPECT_FALSE(matches_client_id("a*b", "ac"));
    EXPECT_FALSE(matches_client_id("a.c", "abc"));
}

TEST(route, guards_and_names_of_clients) {
    const settings s = read_settings(with("null", "{}", R"([
        {"exit": 1, "guarded": {"g": ["admin", "all"]}},
        {"exit": 2, "guarded": {"g": []}, "when": [{"session": [{"client-id": "${guarded['g'].identity}-*"}],
                                                      "publish": [{"topic": "p"}]}]}])"));
    EXPECT_TRUE(s.routes.personal());
    identified who;
    who.identity = "anna";
    const auto exit = [&](const char* id, std::vector<std::string> roles,
                          const char* guard = "n:g") {
        who.roles = std::move(roles);
        const identified_view view(who, guard);
        return s.routes.session(id, view.get()).value_or(0);
    };
    EXPECT_FALSE(s.routes.session("anna-1"));
    EXPECT_EQ(exit("x", {"all", "more", "admin"}), 1u);
    EXPECT_EQ(exit("x", {"admin"}), 0u) << "all of its roles";
    EXPECT_EQ(exit("anna-1", {}), 2u);
    EXPECT_EQ(exit("bob-1", {}), 0u);
    EXPECT_EQ(exit("anna-1", {"admin", "all"}, "n:other"), 0u);
    who.identity = "*";
    EXPECT_EQ(exit("bob-1", {}), 0u) << "a name is no wildcard";
}

TEST(route, the_first_that_applies_wins) {
    const settings s = read_settings(with("null", "{}", R"([
        {"exit": 1, "when": [{"session": [{"client-id": "dev-*"}], "publish": [{"topic": "d/#"}]}, {"subscribe": [{"topic": "x/{id}"}]}]},
        {"exit": 2, "when": [{"publish": [{"topic": "p"}]}]},
        {"exit": 3}])"));
    EXPECT_EQ(s.routes.session("dev-1"), 1u);
    EXPECT_EQ(s.routes.session("other"), 1u) << "the second condition takes any client";
    EXPECT_EQ(s.routes.publish("dev-1", "d/1"), 1u);
    EXPECT_EQ(s.routes.publish("other", "d/1"), 3u);
    EXPECT_EQ(s.routes.publish("other", "p"), 2u);
    EXPECT_EQ(s.routes.subscribe("other", "x/+"), 1u);
    EXPECT_EQ(s.routes.subscribe("other", "p"), 3u)
        << "a route with only publish conditions takes no subscription";
}

TEST(timer_wheel, expires_each_node_at_its_tick) {
    timer_wheel w;
    w.start_at(1'000);
    std::vector<timer_wheel::node> nodes(5);
    const timer_wheel::tick due[] = {1'001, 1'255, 1'256, 1'257, 5'000};
    for (size_t i = 0; i < 5; ++i) w.arm(nodes[i], due[i]);
    std::vector<timer_wheel::tick> at;
    for (timer_wheel::tick t = 1'001; t <= 5'100; t += 7)
        w.advance(t, [&](timer_wheel::node& n) {
            EXPECT_FALSE(n.armed());
            EXPECT_EQ(n.due, w.now());
            at.push_back(w.now());
        });
    EXPECT_EQ(at, (std::vector<timer_wheel::tick>{1'001, 1'255, 1'256, 1'257, 5'000}));
    EXPECT_TRUE(w.empty());
}

TEST(timer_wheel, nodes_may_be_armed_and_cancelled_while_others_expire) {
    timer_wheel w;
    std::vector<timer_wheel::node> nodes(3);
    for (auto& n : nodes) w.arm(n, 10);
    int expired = 0;
    w.advance(10, [&](timer_wheel::node& n) {
        ++expired;
        w.cancel(nodes[2]);
        if (&n == &nodes[0]) w.arm(n, 12);
    });
    EXPECT_EQ(expired, 2);
    w.advance(12, [&](timer_wheel::node&) { ++expired; });
    EXPECT_EQ(expired, 3);
    EXPECT_TRUE(w.empty());
}

TEST(timer_wheel, the_clock_may_wrap) {
    timer_wheel w;
    w.start_at(UINT32_MAX - 2);
    timer_wheel::node n;
    w.arm(n, 3);
    int expired = 0;
    w.advance(2, [&](timer_wheel::node&) { ++expired; });
    EXPECT_EQ(expired, 0);
    w.advance(3, [&](timer_wheel::node&) { ++expired; });
    EXPECT_EQ(expired, 1);
}

}  // namespace
}  // namespace weft::mqtt
