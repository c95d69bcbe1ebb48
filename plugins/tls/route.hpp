// Which exit takes a connection: by the name asked for, the protocol, the port, and the client's
// certificate.
#pragma once

#include <weft/first_byte.hpp>
#include <weft/guard.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::tls {

// What is known of a connection; what is not known yet matches everything that asks for it.
struct facts {
    uint16_t port = 0;
    std::optional<std::string_view> authority;  // absent: the client named none
    std::optional<std::string_view> alpn;       // absent: none agreed upon
    bool certificate = false;                   // it has shown one that was verified
    std::optional<first_protocol> speaks;       // absent: it has said nothing yet
    // Does its chain contain the certificate of this alias?
    bool (*trusted_by)(const void* ctx, const std::string& alias) = nullptr;
    const void* ctx = nullptr;
};

struct condition {
    std::optional<std::string> authority, alpn;
    std::vector<std::pair<uint16_t, uint16_t>> ports;  // empty: all
    std::vector<std::string> trust;
    std::optional<bool> certificate;
    std::optional<first_protocol> speaks;

    bool matches_port(uint16_t port) const;
    bool matches(const facts& f) const;
};

struct route {
    std::vector<condition> when;  // one of them; none: always
    guarded_rule guarded;
    uint64_t exit = 0;
    // Of a client: the subject of the certificate to show; cn or dn, maybe with an expression.
    std::string subject_cn, subject_dn;

    bool matches_port(uint16_t port) const;
    bool matches(const facts& f) const;
};

// Throws config_error.
std::vector<route> read_routes(const binding_config& c);

// Whether the route depends on what the client says first, and it has said nothing yet.
bool needs_protocol(const std::vector<route>& routes, const facts& f, const worker& w,
                    uint64_t auth);

// The first that matches and admits, or nullptr.
const route* find_route(const std::vector<route>& routes, const facts& f, const worker& w,
                        uint64_t auth);

}  // namespace weft::tls
