#include "cli/table.hpp"

#include <algorithm>

namespace weft::cli {

namespace {

constexpr size_t gap = 4;

size_t width_of(const std::string& s) {
    return static_cast<size_t>(std::count_if(s.begin(), s.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
    }));
}

}  // namespace

std::string table(const std::vector<column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths;
    std::vector<std::string> titles;
    for (size_t i = 0; i < columns.size(); ++i) {
        titles.push_back(columns[i].title);
        widths.push_back(width_of(columns[i].title));
        for (const auto& row : rows) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string out;
    const auto line = [&](const std::vector<std::string>& cells) {
        std::string text;
        for (size_t i = 0; i < cells.size(); ++i) {
            const std::string space(widths[i] - width_of(cells[i]), ' ');
            text += columns[i].right ? space + cells[i] : cells[i] + space;
            text.append(i + 1 < cells.size() ? gap : 0, ' ');
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + "\n";
    };
    line(titles);
    for (const auto& row : rows) line(row);
    return out;
}

}  // namespace weft::cli
