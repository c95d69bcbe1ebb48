// One key that tokens may be signed with: from a JWK or a PEM file to OpenSSL's. Only the public
// part, except for a symmetric key, which has no other.
#pragma once

#include "algorithm.hpp"

#include <weft/freed_by.hpp>

#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace weft::guard_jwt {

using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;

struct key {
    std::string id;                   // empty: for tokens of any
    const algorithm* only = nullptr;  // null: all that fit
    family is = family::rsa;
    std::string curve;   // of ec
    key_ptr handle;      // null for oct
    std::string secret;  // of oct

    // "alg must fit the key": an algorithm of another family is never tried with it, whatever a
    // token says.
    bool fits(const algorithm& a) const;
};

// Both throw std::runtime_error that says what is wrong with it.
key read_jwk(const nlohmann::json& jwk);
key read_pem(std::string_view text);

}  // namespace weft::guard_jwt
