// FNV-1a: for numbers that other builds, languages and processes must come to as well, and for
// small tables. Not for what an attacker chooses.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft {

constexpr uint32_t fnv1a_32(std::string_view text) {
    uint32_t h = 0x811c9dc5u;
    for (const char c : text) h = (h ^ static_cast<uint8_t>(c)) * 0x01000193u;
    return h;
}
constexpr uint64_t fnv1a_64(std::string_view text) {
    uint64_t h = 0xcbf29ce484222325u;
    for (const char c : text) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return h;
}

}  // namespace weft
