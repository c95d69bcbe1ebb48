// What a client's certificate says.
#pragma once

#include "fields.hpp"

#include <vector>

namespace weft::guard_x509 {

struct certificate {
    // Those of each field, in the order that the certificate has them; never empty texts. Text is
    // UTF-8 without control characters.
    std::array<std::vector<std::string>, fields.size()> values;
    uint64_t begins_ms = 0, ends_ms = 0;  // wall clock

    const std::vector<std::string>& of(field_id f) const { return values[f]; }
};

// Reads the first certificate of a text in PEM and verifies nothing: not who signed it, not the
// time. Returns why it is refused, or an empty text.
std::string read_certificate(std::string_view pem, certificate& out);

}  // namespace weft::guard_x509
