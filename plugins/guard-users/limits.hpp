// Every bound of the users guard, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::guard_users::limits {

// PBKDF2 iterations that an entry may ask for: about half a second of a thread. mosquitto_passwd
// writes 101 unless told otherwise.
inline constexpr uint32_t iterations_max = 1'000'000;
// Of the password file: some 400,000 users.
inline constexpr size_t file_bytes_max = 64 * 1024 * 1024;
// Of a password that is checked; mqtt and http have no longer ones.
inline constexpr size_t password_bytes_max = 64 * 1024;

}  // namespace weft::guard_users::limits
