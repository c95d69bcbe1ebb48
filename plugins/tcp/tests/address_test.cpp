#include "address.hpp"

#include "tests/ip.hpp"

using namespace weft::tcp;

TEST(address, literals_only) {
    EXPECT_EQ(socket_address::parse("127.0.0.1", 80)->host(), "127.0.0.1");
    EXPECT_EQ(socket_address::parse("127.0.0.1", 80)->port(), 80);
    EXPECT_EQ(socket_address::parse("2001:DB8::0:1", 443)->host(), "2001:db8::1");
    EXPECT_EQ(socket_address::parse("::1", 443)->port(), 443);
    EXPECT_FALSE(socket_address::parse("localhost", 80));
    EXPECT_FALSE(socket_address::parse("", 80));
    EXPECT_FALSE(socket_address::parse("1.2.3.4.5", 80));
}

TEST(address, mapped_ipv4_is_ipv4) {
    const auto a = socket_address::parse("::ffff:10.1.2.3", 80);
    EXPECT_EQ(a->host(), "10.1.2.3");
    EXPECT_EQ(ip_address::of(*a), ip("10.1.2.3"));
}

TEST(address, host_and_port_brackets_ipv6) {
    EXPECT_EQ(host_and_port("localhost", 9092), "localhost:9092");
    EXPECT_EQ(host_and_port("::1", 9092), "[::1]:9092");
}

TEST(cidr, ipv4) {
    const auto net = cidr::parse("10.128.0.0/9");
    ASSERT_TRUE(net);
    EXPECT_TRUE(net->contains(ip("10.128.0.0")));
    EXPECT_TRUE(net->contains(ip("10.255.255.255")));
    EXPECT_TRUE(net->contains(ip("::ffff:10.200.1.1")));
    EXPECT_FALSE(net->contains(ip("10.127.255.255")));
    EXPECT_FALSE(net->contains(ip("11.128.0.0")));
    EXPECT_FALSE(net->contains(ip("::1")));
    EXPECT_FALSE(net->contains(ip_address{}));
}

TEST(cidr, edges_of_the_prefix) {
    EXPECT_TRUE(cidr::parse("0.0.0.0/0")->contains(ip("255.1.2.3")));
    EXPECT_TRUE(cidr::parse("192.168.1.7/32")->contains(ip("192.168.1.7")));
    EXPECT_FALSE(cidr::parse("192.168.1.7/32")->contains(ip("192.168.1.6")));
    EXPECT_TRUE(cidr::parse("192.168.1.7")->contains(ip("192.168.1.7")));
    EXPECT_TRUE(cidr::parse("::/0")->contains(ip("fe80::1")));
    EXPECT_FALSE(cidr::parse("::/0")->contains(ip("1.2.3.4")));
}

TEST(cidr, bits_behind_the_prefix_do_not_count) {
    EXPECT_TRUE(cidr::parse("10.1.2.3/9")->contains(ip("10.127.0.1")));
    EXPECT_FALSE(cidr::parse("10.1.2.3/9")->contains(ip("10.128.0.1")));
}

TEST(cidr, ipv6) {
    const auto net = cidr::parse("fd00:1234::/30");
    ASSERT_TRUE(net);
    EXPECT_TRUE(net->contains(ip("fd00:1237:ffff::1")));
    EXPECT_FALSE(net->contains(ip("fd00:1238::1")));
}

TEST(cidr, nonsense_is_refused) {
    for (const char* text : {"", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x",
                             "10.0.0.0/8/8", "10.0.0.0/-1", "localhost/8"})
        EXPECT_FALSE(cidr::parse(text)) << text;
}
