// From what a certificate says to who the client is, and what it may.
#pragma once

#include "certificate.hpp"

#include <weft/guard.hpp>

#include <string>
#include <utility>
#include <vector>

namespace weft::guard_x509 {

struct condition {
    field_id of;
    std::string pattern;
};

struct role {
    std::string name;
    // A certificate has it that meets all of the conditions of any of these.
    std::vector<std::vector<condition>> any_of;
};

struct policy {
    field_id identity;
    std::vector<std::pair<std::string, field_id>> attributes;
    std::vector<role> roles;
};

// Does the whole text match? '*' stands for any characters including none, '?' for one (of UTF-8,
// however many bytes it has), all else for itself; letters of ASCII in either case.
bool matches(std::string_view pattern, std::string_view text);

// Returns why the client is refused, or an empty text with `out` filled in.
std::string judge(const policy& p, const certificate& c, uint64_t now_ms, identified& out);

}  // namespace weft::guard_x509
