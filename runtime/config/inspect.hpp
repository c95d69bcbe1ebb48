// What is wrong with a tree whatever it means: repeated keys, keys that are no words, variables
// that are not set.
#pragma once

#include "config/report.hpp"
#include "config/tree.hpp"

namespace weft::config {

void inspect(const tree& parsed, const source& from, const expanded_text& text, report& to);

}  // namespace weft::config
