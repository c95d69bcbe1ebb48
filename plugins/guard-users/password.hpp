// Passwords as mosquitto_passwd hashes them: read, and compared with what a client sends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::guard_users {

struct password_hash {
    uint32_t iterations = 0;  // of PBKDF2-HMAC-SHA512 ($7$); 0: SHA-512 once ($6$)
    std::string salt;
    std::string digest;  // 64 bytes
};

// "$7$101$SALT$HASH" or "$6$SALT$HASH", in base64. Null with `out`, else what is wrong.
const char* read_hash(std::string_view text, password_hash& out);

// As slow as the iterations say; in a time that does not tell where they differ. Throws
// std::runtime_error when the library refuses, which takes a broken installation.
bool proves(std::string_view password, const password_hash& hash);

}  // namespace weft::guard_users
