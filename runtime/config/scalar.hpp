// From YAML to JSON: the types of YAML 1.2's core schema, in which "8080" is text and 8080 a
// number.
#pragma once

#include "config/tree.hpp"

#include <nlohmann/json.hpp>

namespace weft::config {

// Integers that fit no 64 bits become floating point; .inf and .nan, which JSON lacks, stay text.
nlohmann::json scalar_to_json(const node& n);

// Of two equal keys the first counts. Bounded by what parse_tree let through.
nlohmann::json to_json(const node& n);

}  // namespace weft::config
