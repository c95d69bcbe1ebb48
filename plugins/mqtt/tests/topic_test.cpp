#include "topic.hpp"

#include <gtest/gtest.h>

namespace weft::mqtt {
namespace {

TEST(topic, names_have_no_wildcards_and_are_not_empty) {
    for (const char* ok : {"a", "/", "a//b", "$SYS/x", " ", "a/b/"})
        EXPECT_TRUE(is_topic_name(ok)) << ok;
    for (const char* bad : {"", "+", "#", "a/+", "a/#", "a+b", "a#"})
        EXPECT_FALSE(is_topic_name(bad)) << bad;
}

// [MQTT-4.7.1-1] [MQTT-4.7.1-2] 3.1.1 [MQTT-4.7.1-2] 3.1.1 [MQTT-4.7.1-3]
TEST(topic, filters_follow_section_4_7_1) {
    for (const char* ok : {"#", "+", "a", "/", "+/+", "/+", "+/", "a/+/b/#", "/#", "a//#", "+/#",
                           "$SYS/#", "$share"})
        EXPECT_TRUE(is_topic_filter(ok)) << ok;
    for (const char* bad :
         {"", "a#", "#/a", "a/#/b", "##", "a+", "+a", "a/b+/c", "a/+b", "++", "+#"})
        EXPECT_FALSE(is_topic_filter(bad)) << bad;
}

// [MQTT-4.8.2-1] [MQTT-4.8.2-2]
TEST(topic, shared_filters_follow_section_4_8_2) {
    for (const char* ok : {"$share/g/a", "$share/g/#", "$share/g/+/b", "$share/g//"})
        EXPECT_TRUE(is_topic_filter(ok)) << ok;
    for (const char* bad : {"$share/", "$share/g", "$share/g/", "$share//a", "$share/g+/a",
                            "$share/#/a", "$share/g/a#"})
        EXPECT_FALSE(is_topic_filter(bad)) << bad;
}

TEST(topic, version_3_1_1_knows_no_shares) {
    EXPECT_TRUE(is_topic_filter("$share/#", false));
    EXPECT_TRUE(is_topic_filter("$share/g", false));
}

}  // namespace
}  // namespace weft::mqtt
