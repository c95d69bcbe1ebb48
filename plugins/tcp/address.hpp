// IP addresses: socket addresses as the kernel has them, plain addresses for comparing, networks.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::tcp {

// An address and port, IPv4 or IPv6. Small: no sockaddr_storage.
struct socket_address {
    union {
        sockaddr generic;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };

    socket_address() : v6{} {}

    int family() const { return generic.sa_family; }
    socklen_t size() const { return family() == AF_INET ? sizeof v4 : sizeof v6; }
    uint16_t port() const { return ntohs(family() == AF_INET ? v4.sin_port : v6.sin6_port); }
    void set_port(uint16_t port) {
        (family() == AF_INET ? v4.sin_port : v6.sin6_port) = htons(port);
    }
    // "127.0.0.1", "::1", "fe80::1%eth0". An IPv4 address that arrived on an IPv6 socket is written
    // as IPv4.
    std::string host() const;

    // A literal address, never a name.
    static std::optional<socket_address> parse(const std::string& literal, uint16_t port);
    static socket_address from(const sockaddr* address, socklen_t size);
    static socket_address local_of(int fd);
    static socket_address peer_of(int fd);
};

// "host:port", "[::1]:port".
std::string host_and_port(std::string_view host, uint16_t port);

// An address without port. IPv4-mapped IPv6 is IPv4.
struct ip_address {
    std::array<uint8_t, 16> bytes{};
    uint8_t size = 0;  // 4 or 16; 0 = none

    static ip_address of(const socket_address& a);
    bool operator==(const ip_address&) const = default;
};

// A network such as "10.0.0.0/8" or "fd00::/8"; an address without "/n" is a network of one.
class cidr {
public:
    // Nothing when the text is not a network. Bits behind the prefix do not count: 10.1.2.3/8
    // is 10.0.0.0/8.
    static std::optional<cidr> parse(const std::string& text);
    bool contains(const ip_address& a) const;

private:
    ip_address base_;
    uint8_t prefix_bits_ = 0;
};

}  // namespace weft::tcp
