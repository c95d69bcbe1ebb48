// Whether a signature is that of a key.
#pragma once

#include "key.hpp"

#include <string_view>

namespace weft::guard_jwt {

// False also when the algorithm is not one for the key.
bool verifies(const algorithm& a, const key& k, std::string_view text, std::string_view signature);

}  // namespace weft::guard_jwt
