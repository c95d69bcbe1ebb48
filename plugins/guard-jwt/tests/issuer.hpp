// An issuer of tokens for tests: makes a key, publishes it as a JWK, signs with it.
#pragma once

#include "algorithm.hpp"
#include "key.hpp"

#include <weft/base64.hpp>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>

namespace weft::guard_jwt {

inline std::string base64url(std::string_view raw) {
    auto text = to_base64(raw);
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    text.erase(std::find(text.begin(), text.end(), '='), text.end());
    return text;
}

class issuer {
public:
    // RSA keys take long to make, so there are two in all; `which` of them it is.
    explicit issuer(const std::string& alg, std::string id = "k1", size_t which = 0)
        : alg_(alg), id_(std::move(id)) {
        const auto* a = find_algorithm(alg);
        switch (a->is) {
            case scheme::rsa_pkcs1:
            case scheme::rsa_pss:
                key_ = rsa_key(which);
                break;
            case scheme::ecdsa:
                key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", a->curve));
                break;
            case scheme::eddsa:
                key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
                break;
            case scheme::hmac:
                secret_.assign(a->digest_bytes, 's');
                return;
        }
        if (!key_) throw std::runtime_error("no key");
    }

    nlohmann::json jwk() const {
        nlohmann::json out{{"kid", id_}, {"alg", alg_}, {"use", "sig"}};
        const auto* a = find_algorithm(alg_);
        switch (a->is) {
            case scheme::rsa_pkcs1:
            case scheme::rsa_pss:
                out["kty"] = "RSA";
                out["n"] = base64url(number(OSSL_PKEY_PARAM_RSA_N));
                out["e"] = base64url(number(OSSL_PKEY_PARAM_RSA_E));
                break;
            case scheme::ecdsa:
                out["kty"] = "EC";
                out["crv"] = a->curve;
                out["x"] = base64url(number(OSSL_PKEY_PARAM_EC_PUB_X));
                out["y"] = base64url(number(OSSL_PKEY_PARAM_EC_PUB_Y));
                break;
            case scheme::eddsa: {
                std::array<unsigned char, 32> raw{};
                size_t size = raw.size();
                EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size);
                out["kty"] = "OKP";
                out["crv"] = "Ed25519";
                out["x"] = base64url({reinterpret_cast<char*>(raw.data()), size});
                break;
            }
            case scheme::hmac:
                out["kty"] = "oct";
                out["k"] = base64url(secret_);
                break;
        }
        return out;
    }
    std::string pem() const {
        const std::unique_ptr<BIO, freed_by<BIO_free_all>> out(BIO_new(BIO_s_mem()));
        PEM_write_bio_PUBKEY(out.get(), key_.get());
        char* bytes = nullptr;
        const auto size = BIO_get_mem_data(out.get(), &bytes);
        return {bytes, static_cast<size_t>(size)};
    }
    nlohmann::json header() const { return {{"alg", alg_}, {"kid", id_}, {"typ", "JWT"}}; }
    std::string token(const nlohmann::json& claims) const { return token(header(), claims.dump()); }
    std::string token(const nlohmann::json& head, const std::string& claims) const {
        const auto text = base64url(head.dump()) + "." + base64url(claims);
        return text + "." + base64url(sign(text));
    }
    std::string sign(const std::string& text) const {
        const auto* a = find_algorithm(alg_);
        const auto* data = reinterpret_cast<const unsigned char*>(text.data());
        if (a->is == scheme::hmac) {
            std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
            unsigned int size = 0;
            HMAC(EVP_get_digestbyname(a->digest), secret_.data(), static_cast<int>(secret_.size()),
                 data, text.size(), out.data(), &size);
            return {reinterpret_cast<char*>(out.data()), size};
        }
        const std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>> ctx(EVP_MD_CTX_new());
        EVP_PKEY_CTX* options = nullptr;
        EVP_DigestSignInit(ctx.get(), &options,
                           a->digest ? EVP_get_digestbyname(a->digest) : nullptr, nullptr,
                           key_.get());
        if (a->is == scheme::rsa_pss) {
            EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
            EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
        }
        size_t size = 0;
        EVP_DigestSign(ctx.get(), nullptr, &size, data, text.size());
        std::string out(size, '\0');
        if (EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(out.data()), &size, data,
                           text.size()) != 1)
            throw std::runtime_error("no signature");
        out.resize(size);
        return a->is == scheme::ecdsa ? raw_of(out) : out;
    }

private:
    static key_ptr rsa_key(size_t which) {
        static std::array<key_ptr, 2> made;
        auto& k = made.at(which);
        if (!k) k.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048}));
        if (k) EVP_PKEY_up_ref(k.get());
        return key_ptr(k.get());
    }
    std::string number(const char* name) const {
        BIGNUM* n = nullptr;
        EVP_PKEY_get_bn_param(key_.get(), name, &n);
        std::string out(static_cast<size_t>(BN_num_bytes(n)), '\0');
        BN_bn2bin(n, reinterpret_cast<unsigned char*>(out.data()));
        BN_free(n);
        return out;
    }
    std::string raw_of(const std::string& der) const {
        const auto* at = reinterpret_cast<const unsigned char*>(der.data());
        const std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>> s(
            d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
        const int half = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
        std::string out(static_cast<size_t>(2 * half), '\0');
        auto* to = reinterpret_cast<unsigned char*>(out.data());
        BN_bn2binpad(ECDSA_SIG_get0_r(s.get()), to, half);
        BN_bn2binpad(ECDSA_SIG_get0_s(s.get()), to + half, half);
        return out;
    }

    const std::string alg_, id_;
    key_ptr key_;
    std::string secret_;
};

}  // namespace weft::guard_jwt
