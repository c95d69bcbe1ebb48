// The head of an HTTP/1.1 request, from bytes to values. Strict: what two servers could read in two
// ways is refused (RFC 9112, 11.2), whatever else it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft::http {

struct field {
    std::string name, value;  // name in lower case
};

struct request {
    std::string method;
    std::string authority;      // the Host field, or the target's when that is absolute
    std::string path;           // with the query
    std::vector<field> fields;  // as they came, without hop-by-hop framing
    std::string upgrade;        // empty: none asked for, or none possible
    bool keep_alive = true;     // the connection may carry another request
    bool has_body = false;

    // Value of the first field of this name; empty when there is none.
    std::string_view value(std::string_view name) const;
};

// What is wrong with a head. `status` 0: answer nothing, close (an HTTP/2 preface).
struct refusal {
    int status = 400;
    std::string text;
};

// Where the head ends: the size up to and with its empty line, or 0 when it is not all there.
// `searched` is what an earlier call has seen in vain.
size_t head_size(std::string_view bytes, size_t searched = 0);

// Reads one complete head. True with `out`, false with `why`.
bool parse_request(std::string_view head, request& out, refusal& why);

}  // namespace weft::http
