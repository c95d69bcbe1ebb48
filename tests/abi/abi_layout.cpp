// Compares what a C11 and a C++20 compiler make of the ABI's structs.
#include <cstdio>
#include <cstring>

#include "layout.h"

int main() {
    int wrong = 0, count = 0;
    for (const layout *c = layout_c, *cpp = layout_cpp; c->name != nullptr; ++c, ++cpp, ++count) {
        if (std::strcmp(c->name, cpp->name) == 0 && c->size == cpp->size) continue;
        std::printf("%s: %zu bytes in C, %zu in C++\n", c->name, c->size, cpp->size);
        ++wrong;
    }
    std::printf("%d structs compared, %d differ\n", count, wrong);
    return count == 0 || wrong != 0;
}
