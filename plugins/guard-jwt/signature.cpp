#include "signature.hpp"
#include "octets.hpp"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <array>

namespace weft::guard_jwt {
namespace {

using digest_ctx = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using ecdsa_ptr = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;

// A token has the two numbers of the signature behind each other, OpenSSL wants them in DER.
std::string to_der(const EVP_PKEY* k, std::string_view raw) {
    const auto half = static_cast<size_t>(EVP_PKEY_get_bits(k) + 7) / 8;
    if (raw.size() != 2 * half) return {};
    const ecdsa_ptr s(ECDSA_SIG_new());
    auto* r = BN_bin2bn(octets(raw), static_cast<int>(half), nullptr);
    auto* t = BN_bin2bn(octets(raw.substr(half)), static_cast<int>(half), nullptr);
    if (!s || ECDSA_SIG_set0(s.get(), r, t) != 1) {
        BN_free(r);
        BN_free(t);
        return {};
    }
    std::array<unsigned char, 160> out{};
    if (i2d_ECDSA_SIG(s.get(), nullptr) > static_cast<int>(out.size())) return {};
    auto* end = out.data();
    const int size = i2d_ECDSA_SIG(s.get(), &end);
    return size > 0 ? std::string(reinterpret_cast<char*>(out.data()), static_cast<size_t>(size))
                    : std::string();
}

bool verifies_hmac(const algorithm& a, const key& k, std::string_view text,
                   std::string_view signature) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> made{};
    unsigned int size = 0;
    return HMAC(EVP_get_digestbyname(a.digest), k.secret.data(), static_cast<int>(k.secret.size()),
                octets(text), text.size(), made.data(), &size) &&
           size == signature.size() && CRYPTO_memcmp(made.data(), signature.data(), size) == 0;
}

bool verifies_public(const algorithm& a, const key& k, std::string_view text,
                     std::string_view signature) {
    std::string der;
    if (a.is == scheme::ecdsa) {
        der = to_der(k.handle.get(), signature);
        if (der.empty()) return false;
        signature = der;
    }
    const digest_ctx ctx(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    const EVP_MD* digest = a.digest ? EVP_get_digestbyname(a.digest) : nullptr;
    if (!ctx || EVP_DigestVerifyInit(ctx.get(), &options, digest, nullptr, k.handle.get()) != 1)
        return false;
    // RFC 7518, 3.5: the salt is as long as the digest.
    if (a.is == scheme::rsa_pss &&
        (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    return EVP_DigestVerify(ctx.get(), octets(signature), signature.size(), octets(text),
                            text.size()) == 1;
}

}  // namespace

bool verifies(const algorithm& a, const key& k, std::string_view text, std::string_view signature) {
    if (!k.fits(a)) return false;
    const bool good = a.is == scheme::hmac ? verifies_hmac(a, k, text, signature)
                                           : verifies_public(a, k, text, signature);
    // What a wrong signature leaves there is of no interest, and must not be taken for others'.
    if (!good) ERR_clear_error();
    return good;
}

}  // namespace weft::guard_jwt
