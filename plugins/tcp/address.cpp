#include "address.hpp"

#include <netdb.h>

#include <charconv>
#include <cstring>

namespace weft::tcp {

namespace {

bool is_mapped(const sockaddr_in6& a) {
    return IN6_IS_ADDR_V4MAPPED(&a.sin6_addr);
}

sockaddr_in unmapped(const sockaddr_in6& a) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = a.sin6_port;
    std::memcpy(&v4.sin_addr, a.sin6_addr.s6_addr + 12, 4);
    return v4;
}

// A byte whose first `bits` bits are set.
uint8_t mask_of(unsigned bits) {
    return static_cast<uint8_t>(0xff00u >> bits);
}

}  // namespace

std::string socket_address::host() const {
    if (family() == AF_INET6 && is_mapped(v6)) {
        socket_address a;
        a.v4 = unmapped(v6);
        return a.host();
    }
    char text[NI_MAXHOST];
    if (getnameinfo(&generic, size(), text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
        return {};
    return text;
}

std::optional<socket_address> socket_address::parse(const std::string& literal, uint16_t port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (literal.empty() || getaddrinfo(literal.c_str(), nullptr, &hints, &found) != 0) return {};
    auto a = from(found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    a.set_port(port);
    return a;
}

socket_address socket_address::from(const sockaddr* address, socklen_t size) {
    socket_address a;
    std::memcpy(&a.v6, address, size < sizeof a.v6 ? size : sizeof a.v6);
    return a;
}

socket_address socket_address::local_of(int fd) {
    socket_address a;
    socklen_t size = sizeof a.v6;
    getsockname(fd, &a.generic, &size);
    return a;
}

socket_address socket_address::peer_of(int fd) {
    socket_address a;
    socklen_t size = sizeof a.v6;
    getpeername(fd, &a.generic, &size);
    return a;
}

std::string host_and_port(std::string_view host, uint16_t port) {
    const bool bracket = host.find(':') != std::string_view::npos;
    std::string out;
    if (bracket) out += '[';
    out += host;
    if (bracket) out += ']';
    return out + ':' + std::to_string(port);
}

ip_address ip_address::of(const socket_address& a) {
    ip_address out;
    if (a.family() == AF_INET || (a.family() == AF_INET6 && is_mapped(a.v6))) {
        const auto v4 = a.family() == AF_INET ? a.v4 : unmapped(a.v6);
        out.size = 4;
        std::memcpy(out.bytes.data(), &v4.sin_addr, 4);
    } else if (a.family() == AF_INET6) {
        out.size = 16;
        std::memcpy(out.bytes.data(), &a.v6.sin6_addr, 16);
    }
    return out;
}

std::optional<cidr> cidr::parse(const std::string& text) {
    const auto slash = text.find('/');
    const auto address = socket_address::parse(text.substr(0, slash), 0);
    if (!address) return {};
    cidr out;
    out.base_ = ip_address::of(*address);
    unsigned bits = out.base_.size * 8u;
    if (slash != std::string::npos) {
        const char* end = text.data() + text.size();
        const auto [p, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc{} || p != end || bits > out.base_.size * 8u) return {};
    }
    out.prefix_bits_ = static_cast<uint8_t>(bits);
    for (unsigned i = 0; i < out.base_.size; ++i) {
        const unsigned kept = bits > i * 8 ? (bits - i * 8 < 8 ? bits - i * 8 : 8) : 0;
        out.base_.bytes[i] &= mask_of(kept);
    }
    return out;
}

bool cidr::contains(const ip_address& a) const {
    if (a.size != base_.size) return false;
    const size_t whole = prefix_bits_ / 8;
    if (std::memcmp(a.bytes.data(), base_.bytes.data(), whole) != 0) return false;
    const unsigned rest = prefix_bits_ % 8;
    return rest == 0 || ((a.bytes[whole] ^ base_.bytes[whole]) & mask_of(rest)) == 0;
}

}  // namespace weft::tcp
