#include "utf8.hpp"

#include "hex.hpp"
#include "reader.hpp"

#include <gtest/gtest.h>

namespace weft::mqtt {
namespace {

bool valid(std::string_view raw) {
    return is_mqtt_string(as_bytes(raw));
}

TEST(utf8, takes_every_length_and_edge) {
    for (const char* ok :
         {"", "'plain ascii that is longer than a word'", "c2 80", "df bf", "e0 a0 80", "ed 9f bf",
          "ee 80 80", "ef bf bf", "f0 90 80 80", "f4 8f bf bf", "ef bb bf 'a'", "01 1f 7f"})
        EXPECT_TRUE(valid(hex(ok))) << ok;
}

// [MQTT-1.5.4-1]
TEST(utf8, refuses_what_rfc_3629_refuses) {
    for (const char* bad :
         {"80", "bf", "c0 80", "c1 bf", "c2", "c2 'a'", "e0 9f bf", "e0 a0", "ed a0 80", "ed bf bf",
          "f0 8f bf bf", "f4 90 80 80", "f5 80 80 80", "ff", "'12345678' c3 '1234567'"})
        EXPECT_FALSE(valid(hex(bad))) << bad;
}

// [MQTT-1.5.4-2]
TEST(utf8, refuses_nul_wherever_it_stands) {
    for (size_t at = 0; at < 20; ++at) {
        std::string s(20, 'x');
        s[at] = '\0';
        EXPECT_FALSE(valid(s)) << at;
    }
}

TEST(utf8, checker_takes_text_in_pieces) {
    const std::string text = hex("'a' c3 a9 e2 82 ac f0 9f 98 80 00 'z'");
    utf8_checker c;
    for (char b : text) ASSERT_TRUE(c.feed(as_bytes({&b, 1})));
    EXPECT_TRUE(c.complete());

    utf8_checker cut;
    EXPECT_TRUE(cut.feed(as_bytes(hex("e2 82"))));
    EXPECT_FALSE(cut.complete());
    EXPECT_FALSE(cut.feed(as_bytes("x")));
    EXPECT_FALSE(cut.feed(as_bytes("x"))) << "a refusal stays";
    EXPECT_FALSE(cut.complete());
}

TEST(utf8, texts_are_cut_between_characters) {
    EXPECT_EQ(fit_mqtt_string("plain", 10), "plain");
    EXPECT_EQ(fit_mqtt_string("plain", 3), "pla");
    const std::string euros = hex("'a' e282ac e282ac");
    EXPECT_EQ(fit_mqtt_string(euros, 7), euros);
    for (size_t max : {4u, 5u, 6u}) EXPECT_EQ(fit_mqtt_string(euros, max).size(), 4u) << max;
    EXPECT_EQ(fit_mqtt_string(euros, 3), "a");
    EXPECT_EQ(fit_mqtt_string(hex("'broken' ff"), 100), "");
}

}  // namespace
}  // namespace weft::mqtt
