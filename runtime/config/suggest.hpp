// Words for messages: what was probably meant, what is allowed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft::config {

using words = std::vector<std::string>;

// The candidate nearest to `word`, or "" when none is near enough to have been meant.
std::string closest(std::string_view word, const words& candidates);

// ", did you mean 'port'?", or "".
std::string did_you_mean(std::string_view word, const words& candidates);

// "a, b, c"; a long list is cut.
std::string listed(const words& items);

// "none", or " (allowed: a, b)".
std::string allowed(const words& items);

// A word of the user's between quotes, cut when long, without line ends.
std::string in_quotes(std::string_view word);

}  // namespace weft::config
