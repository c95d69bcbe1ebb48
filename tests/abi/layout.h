/* A table of the ABI's structs and their sizes, made once by the C and once by the C++ compiler. */
#ifndef WEFT_TESTS_ABI_LAYOUT_H
#define WEFT_TESTS_ABI_LAYOUT_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

struct layout {
    const char* name; /* NULL ends the table */
    size_t size;
};

extern const struct layout layout_c[];
extern const struct layout layout_cpp[];

#ifdef __cplusplus
}
#endif
#endif
