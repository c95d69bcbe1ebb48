#include "library.hpp"

namespace library {

std::string version() {
    ++calls;
    ++uses();
    return LIBRARY_VERSION;
}

}  // namespace library
