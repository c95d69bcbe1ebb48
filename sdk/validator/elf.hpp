// The dynamic symbols of a shared object, read from the file without loading it.
#pragma once

#include <string>
#include <vector>

namespace weft::validator {

struct symbol {
    std::string name;
    bool unique = false;  // STB_GNU_UNIQUE: keeps the file mapped for ever
};

// Symbols that the file defines and exports. Throws std::runtime_error when it is no 64-bit
// little-endian ELF file, or a truncated one.
std::vector<symbol> exported_symbols(const std::string& file);

}  // namespace weft::validator
