#include "key.hpp"

#include "limits.hpp"
#include "octets.hpp"

#include <weft/base64.hpp>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>
#include <stdexcept>

namespace weft::guard_jwt {
namespace {

using bn_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using builder_ptr = std::unique_ptr<OSSL_PARAM_BLD, freed_by<OSSL_PARAM_BLD_free>>;
using params_ptr = std::unique_ptr<OSSL_PARAM, freed_by<OSSL_PARAM_free>>;
using ctx_ptr = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;

[[noreturn]] void refuse(const std::string& why) {
    throw std::runtime_error(why);
}

std::string jwk_text(const nlohmann::json& jwk, const char* name) {
    const auto it = jwk.find(name);
    if (it == jwk.end()) return {};
    if (!it->is_string()) refuse(std::string("'") + name + "' is no text");
    return it->get<std::string>();
}

// Published keys have their numbers in either alphabet.
std::string bytes_at(const nlohmann::json& jwk, const char* name) {
    auto raw = from_base64(jwk_text(jwk, name));
    if (!raw || raw->empty()) refuse(std::string("'") + name + "' is missing or no base64url");
    return std::move(*raw);
}

key_ptr make(const char* type, OSSL_PARAM_BLD* with) {
    const params_ptr params(OSSL_PARAM_BLD_to_param(with));
    const ctx_ptr ctx(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* out = nullptr;
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
        EVP_PKEY_fromdata(ctx.get(), &out, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        return nullptr;
    return key_ptr(out);
}

void check_rsa(EVP_PKEY* k) {
    const int bits = EVP_PKEY_get_bits(k);
    if (bits < limits::rsa_bits_min || bits > limits::rsa_bits_max)
        refuse("an RSA key of " + std::to_string(bits) + " bits (allowed: 2048 to 8192)");
}

key_ptr read_rsa(const nlohmann::json& jwk) {
    const auto n = bytes_at(jwk, "n"), e = bytes_at(jwk, "e");
    const auto number = [](const std::string& bytes) {
        return bn_ptr(BN_bin2bn(octets(bytes), static_cast<int>(bytes.size()), nullptr));
    };
    const bn_ptr modulus = number(n), exponent = number(e);
    // 1 would make everything a signature, and a large one every verification slow.
    if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get()) || BN_num_bits(exponent.get()) > 64)
        refuse("'e' is no exponent of an RSA key");
    const builder_ptr b(OSSL_PARAM_BLD_new());
    if (!b || OSSL_PARAM_BLD_push_BN(b.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(b.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
        refuse("libcrypto refused an RSA key");
    auto k = make("RSA", b.get());
    if (!k) refuse("'n' and 'e' make no RSA key");
    check_rsa(k.get());
    return k;
}

struct curve {
    const char* name;
    const char* group;  // as OpenSSL reports it
    size_t bytes;       // of a coordinate
};
constexpr std::array curves{curve{"P-256", "prime256v1", 32}, curve{"P-384", "secp384r1", 48},
                            curve{"P-521", "secp521r1", 66}};

key_ptr read_ec(const nlohmann::json& jwk, std::string& name) {
    name = jwk_text(jwk, "crv");
    for (const auto& c : curves) {
        if (name != c.name) continue;
        std::string point(1, '\x04');
        for (const char* coordinate : {"x", "y"}) {
            const auto bytes = bytes_at(jwk, coordinate);
            if (bytes.size() > c.bytes)
                refuse(std::string("'") + coordinate + "' is too long for " + name);
            point.append(c.bytes - bytes.size(), '\0').append(bytes);
        }
        const builder_ptr b(OSSL_PARAM_BLD_new());
        if (!b ||
            OSSL_PARAM_BLD_push_utf8_string(b.get(), OSSL_PKEY_PARAM_GROUP_NAME, c.group, 0) != 1 ||
            OSSL_PARAM_BLD_push_octet_string(b.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                             point.size()) != 1)
            refuse("libcrypto refused an EC key");
        auto k = make("EC", b.get());
        if (!k) refuse("'x' and 'y' are no point of " + name);
        return k;
    }
    refuse("crv '" + name + "' is not known (allowed: P-256, P-384, P-521)");
}

key_ptr read_okp(const nlohmann::json& jwk) {
    const auto name = jwk_text(jwk, "crv"), x = bytes_at(jwk, "x");
    const int type = name == "Ed25519" ? EVP_PKEY_ED25519 : name == "Ed448" ? EVP_PKEY_ED448 : 0;
    if (type == 0) refuse("crv '" + name + "' is not known (allowed: Ed25519, Ed448)");
    key_ptr k(EVP_PKEY_new_raw_public_key(type, nullptr, octets(x), x.size()));
    if (!k) refuse("'x' is no key of " + name);
    return k;
}

void check_use(const nlohmann::json& jwk) {
    if (const auto use = jwk_text(jwk, "use"); !use.empty() && use != "sig")
        refuse("it is not for signatures (use: " + use + ")");
    const auto ops = jwk.find("key_ops");
    if (ops == jwk.end()) return;
    for (const auto& op : *ops)
        if (op == "verify") return;
    refuse("it is not for signatures (key_ops without verify)");
}

}  // namespace

bool key::fits(const algorithm& a) const {
    if (a.key_family() != is || (only && only != &a)) return false;
    if (is == family::ec) return curve == a.curve;
    if (is == family::oct) return secret.size() >= a.digest_bytes;
    return true;
}

key read_jwk(const nlohmann::json& jwk) {
    if (!jwk.is_object()) refuse("it is no object");
    key out;
    out.id = jwk_text(jwk, "kid");
    check_use(jwk);
    const auto type = jwk_text(jwk, "kty");
    if (type != "oct" && jwk.contains("d"))
        refuse("it has its private part ('d') in it, which belongs to nobody but the issuer");
    if (type == "RSA") {
        out.handle = read_rsa(jwk);
    } else if (type == "EC") {
        out.is = family::ec;
        out.handle = read_ec(jwk, out.curve);
    } else if (type == "OKP") {
        out.is = family::okp;
        out.handle = read_okp(jwk);
    } else if (type == "oct") {
        out.is = family::oct;
        out.secret = bytes_at(jwk, "k");
        if (out.secret.size() < 32) refuse("'k' has less than 32 bytes (RFC 7518, 3.2)");
    } else {
        refuse("kty '" + type + "' is not known (allowed: RSA, EC, OKP, oct)");
    }
    const auto name = jwk_text(jwk, "alg");
    if (name.empty()) return out;
    const auto* a = find_algorithm(name);
    if (!a) refuse("alg '" + name + "' is not known");
    if (!out.fits(*a)) refuse("alg '" + name + "' does not fit it");
    out.only = a;
    return out;
}

key read_pem(std::string_view text) {
    const bio_ptr in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    key out;
    out.handle.reset(in ? PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!out.handle) refuse("it is no public key in PEM (BEGIN PUBLIC KEY)");
    char group[64] = {};
    switch (EVP_PKEY_get_base_id(out.handle.get())) {
        case EVP_PKEY_RSA:
            check_rsa(out.handle.get());
            return out;
        case EVP_PKEY_EC:
            out.is = family::ec;
            EVP_PKEY_get_group_name(out.handle.get(), group, sizeof group, nullptr);
            for (const auto& c : curves)
                if (std::string_view(group) == c.group) out.curve = c.name;
            if (out.curve.empty()) refuse(std::string("the curve ") + group + " is not known");
            return out;
        case EVP_PKEY_ED25519:
        case EVP_PKEY_ED448:
            out.is = family::okp;
            return out;
        default:
            refuse("it is neither an RSA, an EC nor an Ed25519 or Ed448 key");
    }
}

}  // namespace weft::guard_jwt
