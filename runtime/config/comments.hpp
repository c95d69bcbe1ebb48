// Finds the comments of a YAML text without parsing it, because `${{env.X}}` inside a comment is
// not looked at and the text around it may only become YAML once the expressions elsewhere are
// replaced.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace weft::config {

struct text_range {
    std::size_t begin, end;
};

// In order, not overlapping; an expression counts as one plain word.
std::vector<text_range> find_comments(std::string_view yaml);

}  // namespace weft::config
