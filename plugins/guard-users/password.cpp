#include "password.hpp"

#include "limits.hpp"

#include <weft/base64.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <stdexcept>

namespace weft::guard_users {
namespace {

constexpr size_t digest_size = 64;

// Takes what is before the next '$', or all that is left.
std::string_view next_part(std::string_view& rest) {
    const size_t end = std::min(rest.find('$'), rest.size());
    const auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

void must(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("libcrypto refused ") + what);
}

}  // namespace

const char* read_hash(std::string_view text, password_hash& out) {
    const bool slow = text.starts_with("$7$");
    if (!slow && !text.starts_with("$6$"))
        return "the password is not hashed as $7$ or $6$; mosquitto_passwd -U FILE does that";
    text.remove_prefix(3);
    out.iterations = 0;
    if (slow) {
        const auto number = next_part(text);
        const auto* end = number.data() + number.size();
        const auto [stop, error] = std::from_chars(number.data(), end, out.iterations);
        if (error != std::errc{} || stop != end || out.iterations < 1 ||
            out.iterations > limits::iterations_max)
            return "the number of iterations is not from 1 to 1000000";
    }
    const auto salt = from_base64(next_part(text), base64_alphabet::ordinary);
    const auto digest = from_base64(next_part(text), base64_alphabet::ordinary);
    if (!salt || salt->empty()) return "the salt is not base64";
    if (!digest || digest->size() != digest_size) return "the hash is not 64 bytes in base64";
    if (!text.empty()) return "something follows the hash";
    out.salt = *salt;
    out.digest = *digest;
    return nullptr;
}

bool proves(std::string_view password, const password_hash& hash) {
    std::array<unsigned char, digest_size> made{};
    const auto octets = [](std::string_view s) {
        return reinterpret_cast<const unsigned char*>(s.data());
    };
    if (hash.iterations != 0) {
        must(
            PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets(hash.salt),
                              static_cast<int>(hash.salt.size()), static_cast<int>(hash.iterations),
                              EVP_sha512(), static_cast<int>(made.size()), made.data()) == 1,
            "PBKDF2");
    } else {
        std::string all(password);
        all += hash.salt;
        const int done =
            EVP_Digest(all.data(), all.size(), made.data(), nullptr, EVP_sha512(), nullptr);
        OPENSSL_cleanse(all.data(), all.size());
        must(done == 1, "SHA-512");
    }
    return CRYPTO_memcmp(made.data(), hash.digest.data(), made.size()) == 0;
}

}  // namespace weft::guard_users
