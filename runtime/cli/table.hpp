// Tables on a terminal: columns as wide as their widest cell, four spaces between.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

struct column {
    std::string title;
    bool right = false;
};

// Lines end without spaces; widths count characters.
std::string table(const std::vector<column>& columns,
                  const std::vector<std::vector<std::string>>& rows);

}  // namespace weft::cli
