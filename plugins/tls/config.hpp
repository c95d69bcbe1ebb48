// The options of a tls binding, from JSON to values; every default is visible here.
#pragma once

#include "limits.hpp"
#include "route.hpp"

#include <weft/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::tls {

enum class kind : uint8_t { server, client, proxy };
enum class protocol : uint8_t { any, tls_1_2, tls_1_3 };
enum class mutual : uint8_t { none, requested, required };
using names = std::vector<std::string>;

struct tls_config {
    kind is = kind::server;
    std::string binding;  // qualified name
    std::string vault;    // qualified name, or empty
    protocol version = protocol::any;
    std::optional<names> keys, signers, trust;
    bool trust_system = false;  // certificates of the platform's CAs
    names sni, alpn;
    mutual client_certificate = mutual::none;
    std::string guard;  // qualified name of the guard that is asked about certificates, or empty
    std::vector<route> routes;

    bool verify_name = true, send_name = true;  // of a client
    bool kernel = true;                         // makes the records, where it can
    uint64_t handshake_timeout_ns = handshake_timeout_s * 1'000'000'000;
    uint64_t close_timeout_ns = close_timeout_ms * 1'000'000;
    uint64_t handshakes = handshakes_max;
};

// Throws config_error.
tls_config read_config(const binding_config& c);

}  // namespace weft::tls
