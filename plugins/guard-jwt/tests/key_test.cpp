// Keys: what is read, what fits which algorithm, and what is refused.
#include "key_set.hpp"

#include "tests/issuer.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace weft::guard_jwt {
namespace {

using nlohmann::json;

std::string fault(const json& jwk) {
    try {
        read_jwk(jwk);
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return "";
}

std::string fitting(const key& k) {
    std::string out;
    for (const char* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                             "ES512", "EdDSA", "HS256", "HS384", "HS512"})
        if (k.fits(*find_algorithm(name))) out += std::string(name) + " ";
    return out;
}

// RFC 7517, A.1, for another use than there.
TEST(key, published_ones) {
    const key k = read_jwk({{"kty", "EC"},
                            {"crv", "P-256"},
                            {"x", "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"},
                            {"y", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
                            {"use", "sig"}});
    EXPECT_EQ(k.id, "");
}

TEST(key, algorithms_that_fit) {
    const auto without_alg = [](const char* alg) {
        auto jwk = issuer(alg).jwk();
        jwk.erase("alg");
        return fitting(read_jwk(jwk));
    };
    EXPECT_EQ(without_alg("RS256"), "RS256 RS384 RS512 PS256 PS384 PS512 ");
    EXPECT_EQ(without_alg("ES256"), "ES256 ");
    EXPECT_EQ(without_alg("ES384"), "ES384 ");
    EXPECT_EQ(without_alg("ES512"), "ES512 ");
    EXPECT_EQ(without_alg("EdDSA"), "EdDSA ");
    EXPECT_EQ(without_alg("HS256"), "HS256 ") << "the others need a longer one";
    EXPECT_EQ(without_alg("HS512"), "HS256 HS384 HS512 ");
    EXPECT_EQ(fitting(read_jwk(issuer("PS384").jwk())), "PS384 ");
    EXPECT_EQ(fitting(read_pem(issuer("RS256").pem())), "RS256 RS384 RS512 PS256 PS384 PS512 ");
    EXPECT_EQ(fitting(read_pem(issuer("ES384").pem())), "ES384 ");
    EXPECT_EQ(fitting(read_pem(issuer("EdDSA").pem())), "EdDSA ");
}

TEST(key, numbers_in_either_alphabet) {
    auto jwk = issuer("RS256").jwk();
    jwk["n"] = to_base64(*from_base64(jwk["n"].get<std::string>()));
    EXPECT_EQ(fault(jwk), "");
}

TEST(key, what_is_wrong_is_said) {
    const auto with = [](const char* alg, const char* field, const json& value) {
        auto jwk = issuer(alg).jwk();
        jwk[field] = value;
        return fault(jwk);
    };
    EXPECT_EQ(fault("x"), "it is no object");
    EXPECT_EQ(fault({{"kty", "XYZ"}}), "kty 'XYZ' is not known (allowed: RSA, EC, OKP, oct)");
    EXPECT_EQ(with("RS256", "alg", "ES256"), "alg 'ES256' does not fit it");
    EXPECT_EQ(with("RS256", "alg", "HS256"), "alg 'HS256' does not fit it");
    EXPECT_EQ(with("RS256", "alg", "none"), "alg 'none' is not known");
    EXPECT_EQ(with("ES256", "alg", "ES384"), "alg 'ES384' does not fit it");
    EXPECT_EQ(with("RS256", "use", "enc"), "it is not for signatures (use: enc)");
    EXPECT_EQ(with("RS256", "key_ops", json::array({"encrypt"})),
              "it is not for signatures (key_ops without verify)");
    EXPECT_EQ(with("RS256", "n", "%"), "'n' is missing or no base64url");
    EXPECT_EQ(with("RS256", "kid", 7), "'kid' is no text");
    EXPECT_EQ(with("RS256", "e", "AQ"), "'e' is no exponent of an RSA key") << "1";
    EXPECT_EQ(with("RS256", "e", "AA"), "'e' is no exponent of an RSA key") << "0";
    EXPECT_EQ(with("RS256", "n", base64url(std::string(128, 'x'))),
              "an RSA key of 1023 bits (allowed: 2048 to 8192)");
    EXPECT_EQ(with("RS256", "d", "AQAB"),
              "it has its private part ('d') in it, which belongs to nobody but the issuer");
    EXPECT_EQ(with("ES256", "crv", "secp256k1"),
              "crv 'secp256k1' is not known (allowed: P-256, P-384, P-521)");
    EXPECT_EQ(with("ES256", "x", base64url(std::string(32, 'x'))),
              "'x' and 'y' are no point of P-256");
    EXPECT_EQ(with("ES256", "x", base64url(std::string(33, 'x'))), "'x' is too long for P-256");
    EXPECT_EQ(with("EdDSA", "crv", "X25519"),
              "crv 'X25519' is not known (allowed: Ed25519, Ed448)");
    EXPECT_EQ(with("EdDSA", "x", "AQAB"), "'x' is no key of Ed25519");
    EXPECT_EQ(with("HS256", "k", "AQAB"), "'k' has less than 32 bytes (RFC 7518, 3.2)");
    EXPECT_THROW(read_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
                 std::runtime_error);
}

TEST(key_set, finds_by_name_and_algorithm) {
    const auto& rs = *find_algorithm("RS256");
    const auto& es = *find_algorithm("ES256");
    const issuer a("RS256", "a"), b("ES256", "b"), c("ES256", "c");
    const auto set = read_key_set(json{{"keys", {a.jwk(), b.jwk(), c.jwk()}}}.dump(), false);
    ASSERT_EQ(set.size(), 3u);
    EXPECT_EQ(set.find("a", rs)->id, "a");
    EXPECT_EQ(set.find("c", es)->id, "c");
    EXPECT_EQ(set.find("a", es), nullptr) << "the algorithm is not one of the key";
    EXPECT_EQ(set.find("d", rs), nullptr);
    EXPECT_EQ(set.find("", rs)->id, "a") << "the only one that fits";
    EXPECT_EQ(set.find("", es), nullptr) << "one of two is a guess";
}

TEST(key_set, of_others_leaves_out_what_cannot_be_used) {
    const issuer a("RS256", "a"), h("HS256", "h");
    json other = {{"kty", "EC"}, {"crv", "secp256k1"}, {"x", "AA"}, {"y", "AA"}};
    const auto text = json{{"keys", {other, "odd", h.jwk(), a.jwk()}}}.dump();
    EXPECT_EQ(read_key_set(text, false).size(), 1u);
    EXPECT_FALSE(read_key_set(text, false).has_symmetric());
    EXPECT_TRUE(read_key_set(text, true).has_symmetric());
    EXPECT_EQ(read_key_set(a.jwk().dump(), false).size(), 1u) << "a key alone";
    const auto refused = [](const std::string& bad) {
        try {
            read_key_set(bad, false);
        } catch (const std::runtime_error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    EXPECT_EQ(refused("<html>"), "it is no JSON");
    EXPECT_EQ(refused("[]"), "it has no list 'keys'");
    EXPECT_EQ(refused(R"({"keys":{}})"), "it has no list 'keys'");
    EXPECT_EQ(refused(R"({"keys":[]})"), "no key in it can be used");
    EXPECT_EQ(refused(json{{"keys", {h.jwk()}}}.dump()),
              "no key in it can be used: symmetric keys are not accepted from there");
}

}  // namespace
}  // namespace weft::guard_jwt
