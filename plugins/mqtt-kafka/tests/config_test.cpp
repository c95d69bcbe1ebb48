#include "config.hpp"

#include <gtest/gtest.h>

namespace weft::mqtt_kafka {
namespace {

binding_config config(const std::string& options, const std::string& routes,
                      const std::string& properties = "{}") {
    const std::string text =
        R"({"namespace":"n","name":"b","type":"mqtt-kafka","kind":"proxy","vault":null,"options":)" +
        options + R"(,"routes":)" + routes + R"(,"properties":)" + properties +
        R"(,"engine":{"directory":"d","cache_directory":"c","workers":1,"instance":"n"}})";
    return binding_config::parse(text.c_str());
}
const std::string topics = R"({"topics":{"sessions":"s","messages":"m","retained":"r"}})";
const std::string exit_only = R"([{"when":null,"with":null,"exit":3,"exit_name":"n:c"}])";

std::string path_of_error(const binding_config& c) {
    try {
        make_settings(c);
    } catch (const config_error& e) {
        return e.path() + ": " + e.what();
    }
    return "accepted";
}

TEST(config, the_default_exit_is_a_route_without_conditions) {
    const settings s = make_settings(config(topics, exit_only));
    EXPECT_EQ(s.exit, 3u);
    EXPECT_EQ(s.publish_qos_max, 2);
    route_target target;
    ASSERT_EQ(s.table.match_publish("a", target), route_result::ok);
    EXPECT_EQ(target.topic, "m");
}

TEST(config, qos_max_is_the_lowest_of_what_is_said) {
    const auto options =
        R"({"topics":{"sessions":"s","messages":"m","retained":"r"},"publish":{"qosMax":"at_most_once"}})";
    EXPECT_EQ(make_settings(config(options, exit_only)).publish_qos_max, 0);
    EXPECT_EQ(make_settings(
                  config(topics, exit_only, R"({"zilla.binding.mqtt.kafka.publish.qos.max":"0"})"))
                  .publish_qos_max,
              0);
}

TEST(config, problems_are_named_where_they_are) {
    EXPECT_TRUE(
        path_of_error(
            config(R"({"topics":{"sessions":"s s","messages":"m","retained":"r"}})", exit_only))
            .starts_with("/options/topics/sessions: "));
    EXPECT_TRUE(
        path_of_error(
            config(R"({"topics":{"sessions":"s","messages":"m","retained":"r"},"clients":["a/#"]})",
                   exit_only))
            .starts_with("/options/clients/0: "));
    EXPECT_TRUE(
        path_of_error(
            config(
                topics,
                R"([{"when":[{"publish":[{"topic":"a/{x}"}]}],"with":{"messages":"m-${params.y}"},"exit":1}])"))
            .starts_with("/routes/0/with/messages: "));
    EXPECT_TRUE(path_of_error(
                    config(topics, exit_only, R"({"weft.binding.mqtt.kafka.receive.max":"65536"})"))
                    .find("receive.max: must be between 1 and 65535") != std::string::npos);
}

}  // namespace
}  // namespace weft::mqtt_kafka
