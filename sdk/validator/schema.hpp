// The schema that a binding type brings: is it of the documented form, and what is the smallest
// configuration that satisfies it?
#pragma once

#include <weft/abi.h>

#include <nlohmann/json.hpp>

#include <string>

namespace weft::validator {

// What is wrong with options_schema; empty when nothing is.
std::string schema_problem(const weft_binding_vt& b);

// A configuration of this kind: the options that the schema requires, from its `examples`,
// `default`, `const` and `enum` where it has them. Throws std::runtime_error when that cannot be
// done.
nlohmann::json minimal_config(const weft_binding_vt& b, const std::string& kind);

// Why `value` does not satisfy `schema`; empty when it does.
std::string mismatch(const nlohmann::json& schema, const nlohmann::json& definitions,
                     const nlohmann::json& value);

}  // namespace weft::validator
