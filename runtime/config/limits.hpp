// What a configuration may cost. A file is written by somebody else: none of these may be left to
// it.
#pragma once

#include <cstddef>

namespace weft::config {

inline constexpr std::size_t file_size_max = 16u << 20;

// Bytes of the text after `${{env.X}}` was put in; a variable may be long, and used often.
inline constexpr std::size_t expanded_size_max = 2 * file_size_max;

// Values in one file, aliases counted as often as they are used ("billion laughs").
inline constexpr std::size_t node_count_max = 200'000;

// Mappings and sequences inside each other. The deepest part of a published config is below 16.
inline constexpr std::size_t nesting_depth_max = 64;

// One value. Patterns of a schema are matched by std::regex, which recurses once per character.
inline constexpr std::size_t scalar_size_max = 8u << 10;

// Regular expressions of telemetry.metrics.
inline constexpr std::size_t regex_size_max = 256;

// Problems told of one file; a broken file of this size is not read to its end by anybody.
inline constexpr std::size_t problem_count_max = 500;

}  // namespace weft::config
