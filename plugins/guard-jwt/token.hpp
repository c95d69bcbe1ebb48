// A JSON Web Token in its compact form (RFC 7515, 7.1), taken apart. Nothing in it is to be
// believed before the signature has been verified.
#pragma once

#include "algorithm.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace weft::guard_jwt {

struct token {
    const algorithm* alg = nullptr;  // null: one that we do not know
    std::string key_id;
    nlohmann::json claims;     // an object
    std::string_view signed_;  // of the text it was read from
    std::string signature;
};

// Null with `out`, else what is wrong. `out` refers to `text`.
const char* read_token(std::string_view text, token& out);

}  // namespace weft::guard_jwt
