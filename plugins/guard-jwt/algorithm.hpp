// The signature algorithms of JSON Web Tokens (RFC 7518, RFC 8037), and which keys each is for.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::guard_jwt {

enum class family : uint8_t { rsa, ec, okp, oct };
enum class scheme : uint8_t { rsa_pkcs1, rsa_pss, ecdsa, eddsa, hmac };

struct algorithm {
    const char* name;
    scheme is;
    const char* digest;     // as OpenSSL calls it; null: the scheme has its own
    const char* curve;      // ecdsa: as JWK calls it
    uint32_t digest_bytes;  // hmac: the key has at least so many (RFC 7518, 3.2)

    family key_family() const;
};

// Null: unknown, or "none".
const algorithm* find_algorithm(std::string_view name);

}  // namespace weft::guard_jwt
