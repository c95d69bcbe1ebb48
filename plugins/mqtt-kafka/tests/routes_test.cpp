#include "mapping/routes.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace weft::mqtt_kafka {
namespace {

TEST(topic_pattern, overlaps_as_existing_configurations_expect) {
    const std::vector<std::string> patterns{
        "device/#", "place/+/device/#", "sensor/one", "sensor/{id}", "/clients/#", "#", "sensor/+"};
    // One row per group of topics or filters, one column per pattern.
    const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
        {{"device"}, "-----Y-"},
        {{"device/1", "device/1/2", "device/#"}, "Y----Y-"},
        {{"#"}, "YYYYYYY"},
        {{"+"}, "-----Y-"},
        {{"+/1"}, "Y--Y-YY"},
        {{"+/#"}, "YYYY-YY"},
        {{"+/+"}, "Y-YY-YY"},
        {{"+/one"}, "Y-YY-YY"},
        {{"place/1/device"}, "-----Y-"},
        {{"place/1/device/x", "place/+/device/#", "place/#"}, "-Y---Y-"},
        {{"sensor/one"}, "--YY-YY"},
        {{"sensor/two"}, "---Y-YY"},
        {{"sensor/+", "sensor/#"}, "--YY-YY"},
        {{"sensor"}, "-----Y-"},
        {{"/clients/c1", "/#"}, "----Y--"},
        {{"clients/c1", "$SYS/x", "other/1"}, "-----Y-"},
    };
    for (const auto& [topics, expected] : rows)
        for (const auto& topic : topics)
            for (size_t i = 0; i < patterns.size(); ++i)
                EXPECT_EQ(topic_pattern(patterns[i]).overlaps(topic), expected[i] == 'Y')
                    << topic << " against " << patterns[i];
}

TEST(topic_pattern, a_filter_with_a_tail_reaches_its_own_base) {
    EXPECT_TRUE(topic_pattern("sensor/one").overlaps("sensor/one/#"));  // MQTT 5, 4.7.1.2
    EXPECT_FALSE(topic_pattern("sensor/{id}").overlaps("sensor/"));
}

TEST(topic_pattern, captures_parameters) {
    const topic_pattern p("place/{place}/device/{id}");
    route_params params;
    p.capture("place/berlin/device/7", params);
    ASSERT_EQ(params.size(), 2u);
    EXPECT_EQ(params[0].value, "berlin");
    EXPECT_EQ(params[1].name, "id");
    EXPECT_FALSE(params[1].open);

    params.clear();
    p.capture("place/+/device/7", params);
    EXPECT_TRUE(params[0].open);
    EXPECT_FALSE(params[1].open);

    params.clear();
    p.capture("place/#", params);
    ASSERT_EQ(params.size(), 2u);
    EXPECT_TRUE(params[0].open && params[1].open);
}

TEST(topic_template, refuses_what_it_does_not_know) {
    EXPECT_THROW(topic_template("a-${guarded.x}"), std::invalid_argument);
    EXPECT_THROW(topic_template("a-${params.x"), std::invalid_argument);
    EXPECT_THROW(topic_template("a-${params.}"), std::invalid_argument);
    EXPECT_FALSE(topic_template("mqtt-messages").has_params());
    EXPECT_TRUE(topic_template("${params.id}").has_params());
}

route conditional(std::vector<std::string> publish, std::vector<std::string> subscribe,
                  const char* messages, uint64_t exit) {
    route r{false, {}, {}, topic_template(messages), exit};
    for (auto& p : publish) r.publish.emplace_back(p);
    for (auto& s : subscribe) r.subscribe.emplace_back(s);
    return r;
}

// The example's table: one route for devices, then the default exit.
routes example() {
    routes t;
    t.add(conditional({"place/+/device/#", "device/#"}, {"place/+/device/#", "device/#"},
                      "mqtt-devices", 7));
    t.add({true, {}, {}, topic_template("mqtt-messages"), 7});
    return t;
}

TEST(routes, a_publish_takes_the_first_that_matches) {
    const routes t = example();
    route_target target;
    ASSERT_EQ(t.match_publish("device/1", target), route_result::ok);
    EXPECT_EQ(target.topic, "mqtt-devices");
    for (const auto* topic : {"device", "zilla"}) {
        ASSERT_EQ(t.match_publish(topic, target), route_result::ok);
        EXPECT_EQ(target.topic, "mqtt-messages");
    }
}

TEST(routes, a_subscription_reads_all_that_may_overlap) {
    const routes t = example();
    std::vector<route_target> targets;
    const auto topics = [&](std::string_view filter) {
        EXPECT_EQ(t.match_subscribe(filter, targets), route_result::ok);
        std::vector<std::string> names;
        for (const auto& x : targets) names.push_back(x.topic);
        return names;
    };
    EXPECT_THAT(topics("device/1"), testing::ElementsAre("mqtt-devices", "mqtt-messages"));
    EXPECT_THAT(topics("zilla"), testing::ElementsAre("mqtt-messages"));
    EXPECT_THAT(topics("#"), testing::ElementsAre("mqtt-devices", "mqtt-messages"));
}

TEST(routes, guarded_ones_take_who_has_the_roles) {
    binding_config c;
    c.ns = "n";
    routes t;
    for (const auto& [roles, topic] :
         {std::pair{R"({"g": ["admin"]})", "admins"}, std::pair{R"({"g": []})", "known"}}) {
        route r = conditional({"a/#"}, {"a/#"}, topic, 1);
        r.guarded = guarded_rule(c, nlohmann::json::parse(roles));
        EXPECT_TRUE(t.add(std::move(r)));
    }
    EXPECT_TRUE(t.guarded());
    EXPECT_EQ(t.rights_of(nullptr), 0u);
    EXPECT_FALSE(t.admits(0)) << "nothing is for everybody";
    identified who;
    const auto rights = [&](const char* guard) {
        const identified_view view(who, guard);
        return t.rights_of(view.get());
    };
    const auto known = rights("n:g");
    who.roles = {"admin"};
    const auto admin = rights("n:g");
    EXPECT_EQ(rights("n:other"), 0u);

    route_target target;
    std::vector<route_target> targets;
    EXPECT_EQ(t.match_publish("a/b", target, 0), route_result::no_route);
    EXPECT_EQ(t.match_subscribe("a/b", targets, 0), route_result::no_route);
    ASSERT_EQ(t.match_publish("a/b", target, known), route_result::ok);
    EXPECT_EQ(target.topic, "known");
    ASSERT_EQ(t.match_publish("a/b", target, admin), route_result::ok);
    EXPECT_EQ(target.topic, "admins");
    ASSERT_EQ(t.match_subscribe("#", targets, known), route_result::ok);
    EXPECT_THAT(targets, testing::ElementsAre(route_target{1, "known", false}));
    ASSERT_EQ(t.match_subscribe("#", targets, admin), route_result::ok);
    EXPECT_EQ(targets.size(), 2u);

    EXPECT_TRUE(t.add(conditional({"a/#"}, {}, "open", 1)));
    EXPECT_TRUE(t.admits(0));
    ASSERT_EQ(t.match_publish("a/b", target, 0), route_result::ok);
    EXPECT_EQ(target.topic, "open");
}

TEST(routes, as_many_guarded_ones_as_there_are_rights) {
    binding_config c;
    routes t;
    const auto add = [&] {
        route r = conditional({"a/#"}, {}, "x", 1);
        r.guarded = guarded_rule(c, {{"g", nlohmann::json::array()}});
        return t.add(std::move(r));
    };
    for (size_t i = 0; i < guarded_routes_max; ++i) ASSERT_TRUE(add());
    EXPECT_FALSE(add());
}

TEST(routes, kinds_of_conditions_do_not_mix) {
    routes t;
    t.add(conditional({"a/#"}, {}, "only-published", 1));
    t.add(conditional({}, {"a/#"}, "only-subscribed", 2));
    route_target target;
    std::vector<route_target> targets;
    ASSERT_EQ(t.match_publish("a/b", target), route_result::ok);
    EXPECT_EQ(target.topic, "only-published");
    ASSERT_EQ(t.match_subscribe("a/b", targets), route_result::ok);
    EXPECT_THAT(targets, testing::ElementsAre(route_target{2, "only-subscribed", false}));
    EXPECT_EQ(t.match_publish("b", target), route_result::no_route);
    EXPECT_EQ(t.match_subscribe("b", targets), route_result::no_route);
}

// Where a guarded kafka route keeps the first of them from a client, nothing would be left to read.
TEST(routes, how_many_of_the_targets_take_what_is_published) {
    const routes t = example();
    std::vector<route_target> targets;
    const auto deciding = [&](std::string_view filter) {
        size_t n = 99;
        EXPECT_EQ(t.match_subscribe(filter, targets, all_rights, &n), route_result::ok);
        return n;
    };
    for (const auto* filter : {"device/1", "device/#", "device/+/x", "device/+", "zilla"})
        EXPECT_EQ(deciding(filter), 1u) << filter;
    for (const auto* filter : {"#", "+/1", "+/#"}) EXPECT_EQ(deciding(filter), 2u) << filter;
    const topic_pattern named("site/{id}/x"), rest("a/+/#");
    EXPECT_TRUE(named.covers("site/+/x") && named.covers("site/1/x"));
    EXPECT_FALSE(named.covers("site/#") || named.covers("site/+/+") || named.covers("site/1"));
    EXPECT_TRUE(rest.covers("a/b/c") && rest.covers("a/b/#") && rest.covers("a/+/+/d"));
    EXPECT_FALSE(rest.covers("a/#") || rest.covers("+/b/c"));
}

TEST(routes, parameters_name_topics) {
    routes t;
    t.add(conditional({"site/{id}/#"}, {"site/{id}/#"}, "mqtt-${params.id}", 1));
    route_target target;
    std::vector<route_target> targets;
    ASSERT_EQ(t.match_publish("site/berlin/x", target), route_result::ok);
    EXPECT_EQ(target, (route_target{1, "mqtt-berlin", true}));
    EXPECT_EQ(t.match_publish("site/b erlin/x", target), route_result::invalid_topic);
    ASSERT_EQ(t.match_subscribe("site/berlin/#", targets), route_result::ok);
    EXPECT_THAT(targets, testing::ElementsAre(route_target{1, "mqtt-berlin", true}));
    EXPECT_EQ(t.match_subscribe("site/+/x", targets), route_result::open_param);
    EXPECT_EQ(t.match_subscribe("#", targets), route_result::open_param);
}

}  // namespace
}  // namespace weft::mqtt_kafka
