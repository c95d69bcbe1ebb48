// Byte vectors of HAProxy's proxy-protocol.txt, sections 2.1 and 2.2.
#include "proxy_header.hpp"

#include "limits.hpp"
#include "tlv.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace weft::tcp;
using namespace std::string_literals;
using state = proxy_header::state;

namespace {

// "192.0.2.1 56324", "own", "more", or why it is malformed; and the same when it comes in pieces.
std::string read(const std::string& bytes, const std::string& after = "\x10 and so on") {
    const auto all = bytes + after;
    const auto whole = read_proxy_header(all);
    for (size_t n = 0; n < all.size(); ++n) {
        const auto part = read_proxy_header(std::string_view(all).substr(0, n));
        if (part.is == state::incomplete) {
            EXPECT_GT(part.size, n) << "it waits for what is there";
            if (whole.is == state::complete) {
                EXPECT_LE(part.size, whole.size);
            }
        } else if (part.is == state::complete) {
            EXPECT_EQ(whole.is, state::complete) << n;
            EXPECT_EQ(part.size, whole.size);
            EXPECT_GE(n, whole.size);
        } else {
            EXPECT_EQ(whole.is, state::malformed) << n;
        }
    }
    if (whole.is == state::malformed) return whole.why;
    if (whole.is == state::incomplete) return "more";
    EXPECT_EQ(whole.size, bytes.size());
    if (!whole.source) return "own";
    return whole.source->host() + " " + std::to_string(whole.source->port());
}

}  // namespace

TEST(proxy_header, version_1) {
    EXPECT_EQ(read("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), "192.168.0.1 56324");
    EXPECT_EQ(read("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
              "255.255.255.255 65535");
    EXPECT_EQ(read("PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"),
              "an address that is none of its family");
    EXPECT_EQ(read("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535");
    EXPECT_EQ(read("PROXY TCP6 2001:db8::1 ::1 0 443\r\n"), "2001:db8::1 0");
    EXPECT_EQ(read("PROXY UNKNOWN\r\n"), "own");
    EXPECT_EQ(read("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
              "own")
        << "the longest line, 107 bytes";
}

TEST(proxy_header, version_1_malformed) {
    for (const char* line : {
             "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
             "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n",
             "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
             "PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
             "PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n",
             "PROXY TCP4 192.168.0.1 192.168.0.11 +1 443\r\n",
             "PROXY TCP4 192.168.0.256 192.168.0.11 1 443\r\n",
             "PROXY TCP4 192.168.1 192.168.0.11 1 443\r\n",
             "PROXY TCP4 ::1 192.168.0.11 1 443\r\n",
             "PROXY TCP6 192.168.0.1 ::1 1 443\r\n",
             "PROXY TCP4 localhost 192.168.0.11 1 443\r\n",
             "PROXY TCP5 192.168.0.1 192.168.0.11 1 443\r\n",
             "PROXY UNKNOWNS\r\n",
             "PROXY UNKNOWN \n\r\n",
             "PROXY \r\n",
             "PROXY TCP4 192.168.0.1 192.168.0.11 1 443\n",
             "GET / HTTP/1.1\r\n",
             "proxy TCP4 192.168.0.1 192.168.0.11 1 443\r\n",
         })
        EXPECT_EQ(read_proxy_header(line).is, state::malformed) << line;
    EXPECT_EQ(read("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"),
              "a line of more than 107 bytes");
    EXPECT_EQ(read_proxy_header("\x10\x0c").is, state::malformed) << "MQTT";
    EXPECT_EQ(read_proxy_header("\x16\x03").is, state::malformed) << "TLS";
}

TEST(proxy_header, version_2) {
    EXPECT_EQ(read(v2("\x21\x11", v4_addresses)), "192.0.2.1 56324");
    EXPECT_EQ(read(v2("\x21\x12", v4_addresses)), "192.0.2.1 56324") << "over UDP";
    const auto v6 =
        "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s + std::string(15, '\0') + "\1\xDC\x04\x01\xBB";
    EXPECT_EQ(read(v2("\x21\x21", v6)), "2001:db8::1 56324");
    const auto mapped =
        "\0\0\0\0\0\0\0\0\0\0\xff\xff\xC0\0\x02\x01"s + std::string(16, '\0') + "\xDC\x04\x01\xBB";
    EXPECT_EQ(read(v2("\x21\x21", mapped)), "192.0.2.1 56324");
    EXPECT_EQ(read(v2("\x21\x31", std::string(216, 's'))), "own") << "Unix sockets";
    EXPECT_EQ(read(v2("\x21"s + '\0', "")), "own") << "UNSPEC";
    EXPECT_EQ(read(v2("\x21\x10", v4_addresses)), "own") << "UNSPEC over IPv4";
    EXPECT_EQ(read(v2("\x20"s + '\0', "")), "own") << "LOCAL, as health checks are";
    EXPECT_EQ(read(v2("\x20\x11", v4_addresses)), "own") << "LOCAL, whatever else it says";
    EXPECT_EQ(read(v2("\x20\x11", "x")), "own");
}

TEST(proxy_header, what_follows_the_addresses) {
    const auto said = tlv(1, "h2") + tlv(2, "example.com") + tlv(4, "") + tlv(0xe0, "anything") +
                      ssl_tlv(3, 0, common_name_tlv("anna"));
    const auto bytes = header_with(said);
    EXPECT_EQ(read(bytes), "192.0.2.1 56324");
    const auto h = read_proxy_header(bytes);
    EXPECT_EQ(h.common_name, "anna");
    EXPECT_EQ(h.authority, "example.com");
    const auto unix_sockets = v2("\x21\x31", std::string(216, 's') + said);
    EXPECT_EQ(read(unix_sockets), "own");
    EXPECT_EQ(read_proxy_header(unix_sockets).common_name, "anna");
    EXPECT_EQ(read(header_with("\x01\xff")), "a TLV that goes beyond the header");
    const auto most = limits::proxy_header_bytes_max - 16 - v4_addresses.size() - 3;
    EXPECT_EQ(read(header_with(tlv(4, std::string(most, 't')))), "192.0.2.1 56324");
    EXPECT_EQ(read(header_with(tlv(4, std::string(most + 1, 't')))),
              "more bytes than are accepted");
}

TEST(proxy_header, what_is_said_of_no_client_is_not_looked_at) {
    const auto said = v4_addresses + ssl_tlv(3, 0, common_name_tlv("anna"));
    for (const auto& bytes : {v2("\x20\x11", said), v2("\x20\x11", said + "x"),
                              v2("\x21"s + '\0', said), v2("\x20"s + '\0', "x")}) {
        EXPECT_EQ(read(bytes), "own");
        EXPECT_EQ(read_proxy_header(bytes).common_name, "");
    }
}

TEST(proxy_header, version_2_malformed) {
    EXPECT_EQ(read(v2("\x11\x11", v4_addresses)), "a version other than 2");
    EXPECT_EQ(read(v2("\x22\x11", v4_addresses)), "a command other than LOCAL and PROXY");
    EXPECT_EQ(read(v2("\x21\x41", v4_addresses)), "a family or transport that is not known");
    EXPECT_EQ(read(v2("\x21\x13", v4_addresses)), "a family or transport that is not known");
    EXPECT_EQ(read(v2("\x21\x11", v4_addresses.substr(1))),
              "too short for the addresses of its family");
    EXPECT_EQ(read(v2("\x21\x21", v4_addresses)), "too short for the addresses of its family");
    EXPECT_EQ(read(v2_signature.substr(0, 11) + "\x0D", "12345"),
              "the first bytes of neither version");
    EXPECT_EQ(read(v2_signature, ""), "more");
}
