// What verified claims say: who it is, for how long, or why not.
#pragma once

#include <weft/guard.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft::guard_jwt {

struct policy {
    std::optional<std::string> issuer, audience;
    std::string roles = "scope";
    std::string identity = "sub";
    std::vector<std::pair<std::string, std::string>> attributes;  // name, claim
    uint64_t leeway_ms = 0;
    uint64_t challenge_ms = 0;  // 0: never
};

// Null with `out`, else why not.
const char* judge(const policy& p, const nlohmann::json& claims, uint64_t now_ms, identified& out);

}  // namespace weft::guard_jwt
