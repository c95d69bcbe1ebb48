// The few functions of libcrypto that authentication needs, with types of our own. They throw
// std::runtime_error when the library refuses, which takes a broken installation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::mqtt {

using digest = std::array<uint8_t, 32>;  // of SHA-256

digest sha256(std::string_view data);
digest hmac_sha256(std::string_view key, std::string_view data);
digest pbkdf2_sha256(std::string_view password, std::string_view salt, uint32_t iterations);

// In a time that does not tell where they differ.
bool equal(const digest& a, const digest& b);

std::string random_bytes(size_t n);

std::string to_base64(std::string_view data);
// Strict: padded, no spaces; nothing otherwise.
std::optional<std::string> from_base64(std::string_view text);

inline std::string_view as_view(const digest& d) {
    return {reinterpret_cast<const char*>(d.data()), d.size()};
}

}  // namespace weft::mqtt
