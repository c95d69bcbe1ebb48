// Signatures of every algorithm: right ones, wrong ones, and keys of another kind.
#include "signature.hpp"

#include "tests/issuer.hpp"

#include <gtest/gtest.h>

namespace weft::guard_jwt {
namespace {

constexpr const char* names[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
                                 "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"};

TEST(signature, of_every_algorithm) {
    for (const char* name : names) {
        const issuer i(name);
        const key k = read_jwk(i.jwk());
        const auto& a = *find_algorithm(name);
        const std::string text = "header.claims";
        const auto good = i.sign(text);
        EXPECT_TRUE(verifies(a, k, text, good)) << name;
        EXPECT_FALSE(verifies(a, k, text + "x", good)) << name;
        EXPECT_FALSE(verifies(a, k, text, "")) << name;
        EXPECT_FALSE(verifies(a, k, text, good.substr(1))) << name;
        EXPECT_FALSE(verifies(a, k, text, good + "x")) << name;
        for (const size_t at : {size_t{0}, good.size() / 2, good.size() - 1}) {
            auto bad = good;
            bad[at] = static_cast<char>(bad[at] ^ 1);
            EXPECT_FALSE(verifies(a, k, text, bad)) << name;
        }
        EXPECT_FALSE(verifies(a, k, text, std::string(good.size(), '\0'))) << name;
        EXPECT_FALSE(verifies(a, read_jwk(issuer(name, "other", 1).jwk()), text, good) &&
                     a.is != scheme::hmac)
            << name;
    }
}

// The classic: a public key taken for an HMAC secret.
TEST(signature, an_algorithm_of_another_family_is_never_tried) {
    for (const char* name : names) {
        const issuer i(name);
        auto jwk = i.jwk();
        jwk.erase("alg");
        const key k = read_jwk(jwk);
        for (const char* other : names) {
            const auto& a = *find_algorithm(other);
            if (k.fits(a)) continue;
            EXPECT_FALSE(verifies(a, k, "text", i.sign("text"))) << name << " as " << other;
        }
    }
}

TEST(signature, one_padding_is_not_the_other) {
    const issuer pss("PS256");
    auto jwk = pss.jwk();
    jwk.erase("alg");
    const key k = read_jwk(jwk);
    EXPECT_TRUE(verifies(*find_algorithm("PS256"), k, "text", pss.sign("text")));
    EXPECT_FALSE(verifies(*find_algorithm("RS256"), k, "text", pss.sign("text")));
    EXPECT_FALSE(verifies(*find_algorithm("PS384"), k, "text", pss.sign("text")));
}

}  // namespace
}  // namespace weft::guard_jwt
