// A string's bytes as OpenSSL wants to see them.
#pragma once

#include <string_view>

namespace weft::guard_jwt {

inline const unsigned char* octets(std::string_view s) {
    return reinterpret_cast<const unsigned char*>(s.data());
}

}  // namespace weft::guard_jwt
