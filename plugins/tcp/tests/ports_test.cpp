#include "ports.hpp"

#include <weft/config.hpp>

#include <gmock/gmock.h>

using nlohmann::json;
using testing::ElementsAre;
using weft::config_error;
using weft::tcp::port_set;

namespace {

port_set parse(const char* text) {
    return port_set::parse(json::parse(text), "/options/port");
}

std::string failing_path(const char* text) {
    try {
        parse(text);
    } catch (const config_error& e) {
        return e.path();
    }
    return "accepted";
}

}  // namespace

TEST(ports, every_form) {
    EXPECT_THAT(parse("7183").list(), ElementsAre(7183));
    EXPECT_THAT(parse("\"8080\"").list(), ElementsAre(8080));
    EXPECT_THAT(parse("\"8000-8003\"").list(), ElementsAre(8000, 8001, 8002, 8003));
    EXPECT_THAT(parse("[9000, \"8000-8001\", \"443\"]").list(), ElementsAre(443, 8000, 8001, 9000));
    EXPECT_THAT(parse("\"65535\"").list(), ElementsAre(65535));
}

TEST(ports, duplicates_and_overlaps_collapse) {
    const auto p = parse("[8001, \"8000-8002\", 8002, \"8002-8004\", 8006]");
    EXPECT_THAT(p.list(), ElementsAre(8000, 8001, 8002, 8003, 8004, 8006));
    EXPECT_EQ(p.count(), 6u);
}

TEST(ports, first_is_the_first_as_written) {
    EXPECT_EQ(parse("[9093, 9092, \"1-5\"]").first(), 9093);
}

TEST(ports, contains) {
    const auto p = parse("[\"8000-8010\", 65535]");
    EXPECT_TRUE(p.contains(8000));
    EXPECT_TRUE(p.contains(8010));
    EXPECT_TRUE(p.contains(65535));
    EXPECT_FALSE(p.contains(7999));
    EXPECT_FALSE(p.contains(8011));
    EXPECT_TRUE(port_set().empty());
}

TEST(ports, whole_range) {
    EXPECT_EQ(parse("\"1-65535\"").count(), 65535u);
}

TEST(ports, errors_name_the_item) {
    EXPECT_EQ(failing_path("0"), "/options/port");
    EXPECT_EQ(failing_path("65536"), "/options/port");
    EXPECT_EQ(failing_path("-1"), "/options/port");
    EXPECT_EQ(failing_path("\"8010-8000\""), "/options/port");
    EXPECT_EQ(failing_path("\"80 \""), "/options/port");
    EXPECT_EQ(failing_path("\"-80\""), "/options/port");
    EXPECT_EQ(failing_path("\"80-\""), "/options/port");
    EXPECT_EQ(failing_path("\"\""), "/options/port");
    EXPECT_EQ(failing_path("[80, \"http\"]"), "/options/port/1");
    EXPECT_EQ(failing_path("[80, 81, 99999999999]"), "/options/port/2");
    EXPECT_EQ(failing_path("[[80]]"), "/options/port/0");
    EXPECT_EQ(failing_path("80.5"), "/options/port");
}
