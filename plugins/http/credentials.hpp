// Where in a request the credentials for a guard are: `options.authorization`.
#pragma once

#include "request.hpp"

#include <weft/guard.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::http {

enum class place : uint8_t { header, query, cookie };

struct credentials_place {
    place where;
    std::string name;  // of a header: in lower case
    credentials_pattern pattern;
};

struct guard_use {
    std::string name;  // qualified
    std::vector<credentials_place> places;
    std::string challenge;  // of WWW-Authenticate: "Bearer", "Basic realm=..."
};

// Reads the value of `options.authorization`; throws config_error.
guard_use read_authorization(const binding_config& c, const nlohmann::json& given);

// What is found first, headers before the query before cookies. Nothing: there are none.
std::optional<std::string> find_credentials(const guard_use& g, const request& r);

}  // namespace weft::http
