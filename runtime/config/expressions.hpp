// `${{env.NAME}}` in the text of a configuration, replaced before YAML is parsed: a value may be a
// number, a list in flow style or several lines. Comments are not touched, `$` and `\` of a value
// mean themselves.
#pragma once

#include "config/source.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace weft::config {

// The value of an environment variable, nothing when it is not set.
using environment = std::function<std::optional<std::string>(const std::string& name)>;
environment process_environment();

// One expression that was replaced: its place in both texts.
struct expression_use {
    std::size_t begin, end;                // in the expanded text
    std::size_t source_begin, source_end;  // in the file
    std::string expression;                // as written, for messages that must not tell a secret
    std::string variable;
    bool missing;  // the value is not known: what depends on it is not judged
};

struct expanded_text {
    std::string text;
    std::vector<expression_use> uses;

    // The byte of the file that a byte of the expanded text comes from.
    std::size_t source_offset(std::size_t offset) const;
    // The first use that begins in [begin, end), or nullptr.
    const expression_use* first_use(std::size_t begin, std::size_t end) const;
};

// Missing variables are in the result as uses, not as errors: their path is known only after
// parsing. With `lenient` they are empty text and a warning. Throws unreadable when the result is
// larger than expanded_size_max.
expanded_text expand(const source& from, const environment& env, bool lenient,
                     std::vector<problem>& errors, std::vector<problem>& warnings);

}  // namespace weft::config
