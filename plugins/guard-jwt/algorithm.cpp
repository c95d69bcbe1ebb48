#include "algorithm.hpp"

namespace weft::guard_jwt {
namespace {

constexpr algorithm all[] = {
    {"RS256", scheme::rsa_pkcs1, "SHA256", nullptr, 32},
    {"RS384", scheme::rsa_pkcs1, "SHA384", nullptr, 48},
    {"RS512", scheme::rsa_pkcs1, "SHA512", nullptr, 64},
    {"PS256", scheme::rsa_pss, "SHA256", nullptr, 32},
    {"PS384", scheme::rsa_pss, "SHA384", nullptr, 48},
    {"PS512", scheme::rsa_pss, "SHA512", nullptr, 64},
    {"ES256", scheme::ecdsa, "SHA256", "P-256", 32},
    {"ES384", scheme::ecdsa, "SHA384", "P-384", 48},
    {"ES512", scheme::ecdsa, "SHA512", "P-521", 64},
    {"EdDSA", scheme::eddsa, nullptr, nullptr, 0},
    {"HS256", scheme::hmac, "SHA256", nullptr, 32},
    {"HS384", scheme::hmac, "SHA384", nullptr, 48},
    {"HS512", scheme::hmac, "SHA512", nullptr, 64},
};

}  // namespace

family algorithm::key_family() const {
    switch (is) {
        case scheme::rsa_pkcs1:
        case scheme::rsa_pss:
            return family::rsa;
        case scheme::ecdsa:
            return family::ec;
        case scheme::eddsa:
            return family::okp;
        case scheme::hmac:
            break;
    }
    return family::oct;
}

const algorithm* find_algorithm(std::string_view name) {
    for (const auto& a : all)
        if (name == a.name) return &a;
    return nullptr;
}

}  // namespace weft::guard_jwt
