// The text of one configuration file and the lines and columns in it.
#pragma once

#include "config/model.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace weft::config {

// A problem that ends the reading of a file: it cannot be opened, is no text, is no YAML.
class unreadable : public std::runtime_error {
public:
    explicit unreadable(problem p) : std::runtime_error(p.text), what_(std::move(p)) {}
    const problem& details() const { return what_; }

private:
    problem what_;
};

// Where `text` stops being UTF-8 without control characters; npos when it is clean. YAML allows no
// other text.
std::size_t first_unprintable(std::string_view text);

class source {
public:
    // `name` is the file as the user wrote it. Throws unreadable unless the text is UTF-8 without
    // control characters.
    source(std::string name, std::string text);

    const std::string& name() const { return name_; }
    std::string_view text() const { return text_; }
    // Line and column (in characters, not bytes) of a byte.
    location at(std::size_t offset) const;

private:
    std::size_t characters_before(std::size_t offset) const;

    std::string name_, text_;
    std::vector<std::size_t> lines_;   // where each begins
    std::vector<std::size_t> blocks_;  // characters before each block of the text, so that a long
                                       // line costs no more than a short one
};

// The path behind a path or a file: URL. Throws unreadable for http(s), which is not supported yet,
// and other schemes.
std::string local_path(const std::string& path_or_url);

// Throws unreadable when the file is missing, larger than file_size_max or no text.
source read_source(const std::string& path_or_url);

}  // namespace weft::config
