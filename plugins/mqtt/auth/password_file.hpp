// Users and what proves them, from a file, one per line:
//
//   name:SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>     (base64; as PostgreSQL has
//   it)
//
// Empty lines and those that begin with # are left out. No password and nothing equal to one is in
// the file, and it serves plain passwords and SCRAM alike. Read once; immutable then, so every
// worker may look into it.
#pragma once

#include "auth/crypto.hpp"

#include <map>

namespace weft::mqtt {

struct credential {
    std::string salt;
    uint32_t iterations = 0;
    digest stored_key{}, server_key{};
};

class password_file {
public:
    // Throws std::runtime_error with the line number.
    static password_file load(const std::string& path);
    static password_file parse(std::string_view text);

    // Of a name that is not there: one that nothing proves, always the same for a name, so that
    // nobody learns who is there.
    credential find(std::string_view name, bool& known) const;
    size_t size() const { return users_.size(); }

    // True when `password` is that of `c`: as slow as the iterations say.
    static bool proves(std::string_view password, const credential& c);

private:
    std::map<std::string, credential, std::less<>> users_;
    std::string decoy_key_ = random_bytes(32);
};

}  // namespace weft::mqtt
