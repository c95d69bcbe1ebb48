#include "format.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>
#include <ctime>

using weft::exporter_stdout::format_line;

namespace {

class format_test : public testing::Test {
protected:
    void TearDown() override { zone("UTC"); }
    static void zone(const char* name) {
        setenv("TZ", name, 1);
        tzset();
    }
    static weft_event event(uint64_t time_ms, uint64_t trace, const char* text) {
        return {sizeof(weft_event),       WEFT_ERROR, time_ms, trace, "example", "north_tcp_client",
                "binding.tcp.dns.failed", text};
    }
};

constexpr uint64_t june_24 = 1750759872000;  // 2025-06-24 10:11:12 UTC

}  // namespace

TEST_F(format_test, the_line_of_the_specification) {
    zone("UTC");
    EXPECT_EQ(
        format_line(event(june_24 + 999, 0x12, "Unable to resolve host dns for address (kafka).")),
        "example:north_tcp_client [24/Jun/2025:10:11:12 +0000] [0000000000000012d] "
        "BINDING_TCP_DNS_FAILED "
        "Unable to resolve host dns for address (kafka).\n");
}

TEST_F(format_test, time_zone_of_the_process) {
    zone("XYZ-5:30");
    EXPECT_NE(format_line(event(june_24, 0, "x")).find("[24/Jun/2025:15:41:12 +0530]"),
              std::string::npos);
    zone("XYZ3:30");
    EXPECT_NE(format_line(event(june_24, 0, "x")).find("[24/Jun/2025:06:41:12 -0330]"),
              std::string::npos);
}

TEST_F(format_test, every_month_in_english) {
    zone("UTC");
    std::setlocale(LC_ALL, "");
    const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (int m = 0; m < 12; ++m) {
        tm t{};
        t.tm_year = 2026 - 1900;
        t.tm_mon = m;
        t.tm_mday = 5;
        const auto line = format_line(event(static_cast<uint64_t>(timegm(&t)) * 1000, 0, "x"));
        EXPECT_NE(line.find(std::string("[05/") + months[m] + "/2026:00:00:00 +0000]"),
                  std::string::npos)
            << line;
    }
    std::setlocale(LC_ALL, "C");
}

TEST_F(format_test, trace_ids) {
    EXPECT_NE(format_line(event(0, 0, "x")).find("[0000000000000000d]"), std::string::npos);
    EXPECT_NE(format_line(event(0, 0xfedcba9876543210, "x")).find("[fedcba9876543210d]"),
              std::string::npos);
}

TEST_F(format_test, a_text_cannot_make_a_second_line) {
    const auto line = format_line(event(0, 0, "client (a\nb\r\x1b[31m\x7f) \xc3\xa4"));
    EXPECT_NE(line.find("client (a\\x0ab\\x0d\\x1b[31m\\x7f) \xc3\xa4\n"), std::string::npos)
        << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1);
}
