// A static library as two plugins link it, each in a version of its own.
#pragma once

#include <string>

namespace library {

// What is shared by accident when symbols of plugins meet: a function, an inline variable and a
// static in an inline function.
std::string version();
inline int calls = 0;
inline int& uses() {
    static int count = 0;
    return count;
}

}  // namespace library
