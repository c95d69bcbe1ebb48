// Every bound of the x509 guard, with its reason.
#pragma once

#include <cstddef>

namespace weft::guard_x509::limits {

// Of a chain in PEM: OpenSSL takes one of 100 KiB in a handshake, which is 140 KiB in base64.
inline constexpr size_t pem_bytes_max = 256 * 1024;
// Of one value: X.520 has 64 characters for most, SPIFFE 2048 bytes for a URI.
inline constexpr size_t value_bytes_max = 4 * 1024;
// Of the values in one certificate, all of which a pattern may have to be tried on.
inline constexpr size_t values_max = 1'000;

}  // namespace weft::guard_x509::limits
