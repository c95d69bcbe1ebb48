// Says in words how a value breaks a JSON Schema (draft 7, the keywords that plugins use).
#pragma once

#include "config/schema.hpp"

namespace weft::config {

// `root` is where "$ref" looks. Empty when nothing is found, which is no proof that the value is
// valid.
std::vector<finding> explain(const nlohmann::json& root, const nlohmann::json& schema,
                             const nlohmann::json& value, const schema_words& phrases);

}  // namespace weft::config
