#include "auth/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace weft::mqtt {

namespace {

const unsigned char* octets(std::string_view s) {
    return reinterpret_cast<const unsigned char*>(s.data());
}

void must(bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("libcrypto refused ") + what);
}

}  // namespace

digest sha256(std::string_view data) {
    digest d{};
    must(EVP_Digest(data.data(), data.size(), d.data(), nullptr, EVP_sha256(), nullptr) == 1,
         "SHA-256");
    return d;
}

digest hmac_sha256(std::string_view key, std::string_view data) {
    digest d{};
    unsigned int size = 0;
    must(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(data), data.size(),
              d.data(), &size) != nullptr,
         "HMAC-SHA-256");
    return d;
}

digest pbkdf2_sha256(std::string_view password, std::string_view salt, uint32_t iterations) {
    digest d{};
    must(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets(salt),
                           static_cast<int>(salt.size()), static_cast<int>(iterations),
                           EVP_sha256(), static_cast<int>(d.size()), d.data()) == 1,
         "PBKDF2");
    return d;
}

bool equal(const digest& a, const digest& b) {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(size_t n) {
    std::string s(n, '\0');
    must(RAND_bytes(reinterpret_cast<unsigned char*>(s.data()), static_cast<int>(n)) == 1,
         "random bytes");
    return s;
}

std::string to_base64(std::string_view data) {
    std::string out((data.size() + 2) / 3 * 4 + 1, '\0');
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets(data),
                                  static_cast<int>(data.size()));
    out.resize(static_cast<size_t>(n));
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    static constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() % 4 != 0) return std::nullopt;
    size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    if (text.substr(0, text.size() - padding).find_first_not_of(digits) != text.npos)
        return std::nullopt;
    std::string out(text.size() / 4 * 3, '\0');
    const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), octets(text),
                                  static_cast<int>(text.size()));
    if (n < 0) return std::nullopt;
    out.resize(static_cast<size_t>(n) - padding);
    return out;
}

}  // namespace weft::mqtt
