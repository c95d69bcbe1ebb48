// The options of a jwt guard, from JSON to values.
#pragma once

#include "claims.hpp"
#include "key_set.hpp"

#include <weft/guard.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::guard_jwt {

struct jwt_config {
    std::string name;  // qualified
    policy rules;
    std::optional<key_set> keys;     // given, or read from a file
    std::vector<std::string> files;  // that were read
    std::string digest;              // of their content
    std::string url, trust;          // without keys of its own
    uint64_t refresh_ms = 0;
    std::vector<std::string> warnings;
};

// Reads the files, too. Throws config_error.
jwt_config read_config(const entity_config& c);

}  // namespace weft::guard_jwt
