// Byte vectors of proxy-protocol.txt, section 2.2 with its subsections.
#include "proxy_tlvs.hpp"

#include "proxy_header.hpp"
#include "tlv.hpp"

#include <gtest/gtest.h>

using namespace weft::tcp;
using namespace std::string_literals;

namespace {

// The common name, "nobody", or why it is malformed.
std::string name_in(const std::string& tlvs) {
    const auto bytes = header_with(tlvs);
    const auto said = read_proxy_tlvs(bytes, 16 + v4_addresses.size());
    const auto header = read_proxy_header(bytes);
    if (said.why) {
        EXPECT_TRUE(said.common_name.empty() && said.authority.empty());
        EXPECT_EQ(header.is, proxy_header::state::malformed);
        EXPECT_STREQ(header.why, said.why);
        return said.why;
    }
    EXPECT_EQ(header.is, proxy_header::state::complete);
    EXPECT_EQ(header.common_name, said.common_name);
    EXPECT_EQ(header.authority, said.authority);
    return said.common_name.empty() ? "nobody" : std::string(said.common_name);
}
std::string named(int client, int verify, const std::string& name = "anna") {
    return name_in(ssl_tlv(client, verify, common_name_tlv(name)));
}

const std::string anna = ssl_tlv(3, 0, common_name_tlv("anna"));

}  // namespace

TEST(proxy_tlvs, a_certificate_that_was_verified_names_its_client) {
    EXPECT_EQ(named(3, 0), "anna");
    EXPECT_EQ(named(5, 0), "anna") << "shown in an earlier connection of the session";
    EXPECT_EQ(named(7, 0), "anna");
    EXPECT_EQ(named(0xff, 0), "anna") << "further bits are for later";
    EXPECT_EQ(named(3, 19), "nobody") << "not verified";
    EXPECT_EQ(name_in(tlv(0x20, "\x03\x01\0\0\0"s + common_name_tlv("anna"))), "nobody");
    EXPECT_EQ(named(1, 0), "nobody") << "none was shown";
    EXPECT_EQ(named(6, 0), "nobody") << "there was no TLS";
    EXPECT_EQ(named(0, 0), "nobody");
    EXPECT_EQ(named(3, 0, ""), "nobody") << "a certificate without a common name";
    EXPECT_EQ(name_in(ssl_tlv(3, 0, tlv(0x21, "TLSv1.3"))), "nobody");
    EXPECT_EQ(name_in(common_name_tlv("anna")), "nobody") << "not in an SSL TLV";
    EXPECT_EQ(name_in(""), "nobody");
}

TEST(proxy_tlvs, among_others) {
    EXPECT_EQ(name_in(tlv(1, "mqtt") + tlv(2, "example.com") + tlv(5, std::string(128, '\xff')) +
                      ssl_tlv(3, 0,
                              tlv(0x21, "TLSv1.3") + common_name_tlv("device 1") +
                                  tlv(0x23, "TLS_AES_128_GCM_SHA256") + tlv(0x99, "")) +
                      tlv(4, "") + tlv(0x30, "ns") + tlv(0xea, "vpce")),
              "device 1");
    const auto bytes = header_with(tlv(2, "example.com"));
    EXPECT_EQ(read_proxy_tlvs(bytes, 16 + v4_addresses.size()).authority, "example.com");
}

TEST(proxy_tlvs, names_are_text) {
    for (const auto& good : {"J\xc3\xbcrgen"s, "\xe2\x82\xac"s, "\xf0\x9f\x98\x80"s,
                             "\xf4\x8f\xbf\xbf"s, "a/b+c"s, std::string(200, 'x')})
        EXPECT_EQ(named(3, 0, good), good);
    for (const auto& bad :
         {"admin\0.evil"s, "\0"s, "a\nb"s, "a\x7f"s, "J\xfcrgen"s, "\xc3"s, "\xc0\xaf"s,
          "\xe0\x80\xaf"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xf8\x88\x80\x80\x80"s,
          "\xc2\x85"s, "\x80"s, "\xe2\x82"s, "\xf0\x9f\x98"s})
        EXPECT_EQ(named(3, 0, bad), "a common name that is no text");
    EXPECT_EQ(named(1, 0, "\0"s), "a common name that is no text") << "whatever else it says";
    EXPECT_EQ(name_in(tlv(2, "a\rb")), "an authority that is no text");
}

TEST(proxy_tlvs, lengths) {
    EXPECT_EQ(name_in("\x04"s), "a TLV that goes beyond the header");
    EXPECT_EQ(name_in("\x04\x00"s), "a TLV that goes beyond the header");
    EXPECT_EQ(name_in("\x04\x00\x01"s), "a TLV that goes beyond the header");
    EXPECT_EQ(name_in(anna + "\x04\xff\xff..."s), "a TLV that goes beyond the header");
    EXPECT_EQ(name_in(tlv(5, std::string(129, 'i'))), "a unique id of more than 128 bytes");
    EXPECT_EQ(name_in(tlv(0x20, "\x03\0\0\0"s)), "an SSL TLV that is too short");
    EXPECT_EQ(name_in(tlv(0x20, "")), "an SSL TLV that is too short");
    EXPECT_EQ(name_in(ssl_tlv(3, 0, "\x22"s)), "a TLV that goes beyond the SSL TLV it is in");
    EXPECT_EQ(name_in(ssl_tlv(3, 0, "\x22\x00\x05"s + "anna") + tlv(4, "")),
              "a TLV that goes beyond the SSL TLV it is in")
        << "though there are bytes behind it";
}

TEST(proxy_tlvs, two_of_a_thing_may_mean_either) {
    EXPECT_EQ(name_in(anna + ssl_tlv(3, 0, common_name_tlv("boss"))), "two SSL TLVs");
    EXPECT_EQ(name_in(ssl_tlv(3, 0, common_name_tlv("anna") + common_name_tlv("boss"))),
              "two common names");
    EXPECT_EQ(name_in(tlv(2, "a") + tlv(2, "b")), "two authorities");
    EXPECT_EQ(name_in(tlv(1, "a") + tlv(1, "b") + tlv(4, "") + tlv(4, "")), "nobody");
}

// Sums of another implementation.
TEST(proxy_tlvs, a_checksum_is_verified) {
    EXPECT_EQ(name_in(tlv(3, "\xf7\xc6\x7a\x06")), "nobody");
    const auto host = tlv(2, "mqtt.example.com");
    const auto device = ssl_tlv(
        7, 0,
        tlv(0x21, "TLSv1.3") + common_name_tlv("device-1") + tlv(0x23, "TLS_AES_128_GCM_SHA256"));
    EXPECT_EQ(name_in(host + tlv(3, "\x5d\xe1\xeb\x4e") + device), "device-1");
    EXPECT_EQ(name_in(host + tlv(3, "\x5d\xe1\xeb\x4f") + device), "its checksum is another one");
    EXPECT_EQ(name_in(host + device + tlv(3, "\x5d\xe1\xeb\x4e")), "its checksum is another one");
    EXPECT_EQ(name_in(tlv(3, "\x06\x7a\xc6\xf7")), "its checksum is another one") << "byte order";
    EXPECT_EQ(name_in(tlv(3, "\xf7\xc6\x7a")), "a checksum that has not four bytes");
    EXPECT_EQ(name_in(tlv(3, "\0\xf7\xc6\x7a\x06"s)), "a checksum that has not four bytes");
    EXPECT_EQ(name_in(tlv(3, "\xf7\xc6\x7a\x06") + tlv(3, "\xf7\xc6\x7a\x06")), "two checksums");
}
