// Every bound of the jwt guard, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::guard_jwt::limits {

// Of a token: those of identity providers have some 1 to 4 KiB.
inline constexpr size_t token_bytes_max = 16 * 1024;
// Objects and lists inside each other, in a token's header and claims.
inline constexpr size_t json_depth_max = 16;
// Weaker keys are refused (RFC 7518, 3.3).
inline constexpr int rsa_bits_min = 2'048;
// A larger one makes every verification slow, also that of a token which is none.
inline constexpr int rsa_bits_max = 8'192;
// Of a key set, from wherever.
inline constexpr size_t keys_max = 100;
inline constexpr size_t key_set_bytes_max = 1024 * 1024;
// What of an unverified name is told in an event.
inline constexpr size_t shown_identity_bytes_max = 100;

// ---- keys from a URL ----

inline constexpr uint32_t download_ms = 10'000, connect_ms = 5'000;
inline constexpr long redirects_max = 3;
// How often keys are read again without a cause; `refresh`.
inline constexpr uint32_t refresh_s = 600;
// A token with an unknown key has them read again, but not more often than this: anybody can send
// such tokens.
inline constexpr uint32_t refresh_gap_ms = 10'000;
// After a failure, doubled up to the second.
inline constexpr uint32_t retry_ms_min = 1'000, retry_ms_max = 60'000;
// Tokens that wait for keys which are on their way. Beyond it they are refused at once.
inline constexpr size_t waiting_max = 10'000;

// ---- defaults of options ----

// Clocks are not the same everywhere.
inline constexpr uint32_t leeway_s = 10;

}  // namespace weft::guard_jwt::limits
