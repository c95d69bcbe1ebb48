#include "cli/properties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace weft::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

TEST(properties, arguments) {
    properties p;
    p.set("zilla.engine.workers=3");
    p.set("zilla.engine.verbose");
    p.set("zilla.engine.directory=a=b");
    EXPECT_EQ(p.number("zilla.engine.workers", 1, 1, 64), 3u);
    EXPECT_TRUE(p.flag("zilla.engine.verbose", false));
    EXPECT_EQ(p.text("zilla.engine.directory", ""), "a=b");
    EXPECT_EQ(p.text("zilla.engine.cache.directory", "fallback"), "fallback");
    EXPECT_THROW(p.set("=x"), usage_error);
    EXPECT_THROW(p.set(""), usage_error);
}

TEST(properties, two_spellings_of_one_name) {
    properties p;
    p.set("weft.engine.workers=3");
    EXPECT_EQ(p.text("zilla.engine.workers", ""), "3");
    p.set("zilla.engine.workers=4");
    const auto all = p.for_engine();
    EXPECT_EQ(all.at("zilla.engine.workers"), "4");
    EXPECT_EQ(all.at("weft.engine.workers"), "4");
}

TEST(properties, values_of_the_wrong_form) {
    properties p;
    p.set("zilla.engine.workers=x");
    p.set("zilla.engine.verbose=yes");
    p.set("zilla.engine.shutdown.grace=soon");
    try {
        p.number("zilla.engine.workers", 1, 1, 64);
        FAIL();
    } catch (const usage_error& e) {
        EXPECT_STREQ(e.what(), "property zilla.engine.workers: 'x' is not a number from 1 to 64");
    }
    EXPECT_THROW(p.flag("zilla.engine.verbose", false), usage_error);
    EXPECT_THROW(p.duration("zilla.engine.shutdown.grace", 1s), usage_error);
    p.set("zilla.engine.workers=65");
    EXPECT_THROW(p.number("zilla.engine.workers", 1, 1, 64), usage_error);
}

TEST(properties, syntax_of_a_file) {
    properties p;
    p.read_text(
        "# comment\n! comment\n\n  a.b = c d \r\ne:f\ng h\ni\nj\\=k=l\\\n   "
        "m\nn=\\u00e9\\t.\\\\\no =  # no comment\np=x\\\\\nq\\\n");
    EXPECT_EQ(p.text("a.b", ""), "c d ");
    EXPECT_EQ(p.text("e", ""), "f");
    EXPECT_EQ(p.text("g", ""), "h");
    EXPECT_EQ(p.text("i", "?"), "");
    EXPECT_EQ(p.text("j=k", ""), "lm");
    EXPECT_EQ(p.text("n", ""), "é\t.\\");
    EXPECT_EQ(p.text("o", ""), "# no comment");
    EXPECT_EQ(p.text("p", ""), "x\\");
    EXPECT_EQ(p.text("q", "?"), "");
}

TEST(properties, files) {
    const std::string path = ::testing::TempDir() + "weft-properties-test";
    std::ofstream(path) << "zilla.engine.workers=7\n";
    properties p;
    p.read_file(path);
    EXPECT_EQ(p.text("zilla.engine.workers", ""), "7");
    EXPECT_THROW(p.read_file(path + ".absent"), usage_error);
    std::remove(path.c_str());
}

TEST(properties, what_nothing_knows) {
    properties p;
    p.set("zilla.engine.workers=1");
    p.set("weft.engine.shutdown.grace=PT1S");
    p.set("zilla.binding.kafka.cache.segment.bytes=1");
    p.set("zilla.binding.mqtt.kafka.group.id.prefix.format=zilla:%s-%s");
    p.set("zilla.binding.acme.anything=1");  // of a plugin that this program knows nothing about
    EXPECT_THAT(p.complaints(), IsEmpty());
    p.set("zilla.engine.wrokers=1");
    p.set("zilla.binding.mqtt.nothing=1");
    p.set("other=1");
    EXPECT_THAT(p.complaints(),
                ElementsAre("unknown property 'other' (it has no effect)",
                            HasSubstr("unknown property 'zilla.binding.mqtt.nothing'"),
                            "unknown property 'zilla.engine.wrokers', did you mean "
                            "'zilla.engine.workers'? (it has no effect)"));
}

TEST(properties, durations) {
    EXPECT_EQ(parse_duration("PT5S"), 5s);
    EXPECT_EQ(parse_duration("PT1M30.5S"), 90'500ms);
    EXPECT_EQ(parse_duration("P1DT1H"), 25h);
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("5s"), 5s);
    EXPECT_EQ(parse_duration("0s"), 0s);
    for (const char* bad : {"", "5", "P", "PT", "PT5", "5S5", "P5S", "PT-5S", "s", "PT5Ssoon",
                            "99999999999999h", "PT5D"}) {
        EXPECT_THROW(parse_duration(bad), usage_error) << bad;
    }
}

}  // namespace
}  // namespace weft::cli
