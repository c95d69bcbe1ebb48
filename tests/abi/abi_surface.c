/* The surface of 1.0, and what has been appended since. */
#include "frozen-1.0/abi_surface.c"

SURFACE(weft_kafka_place)
SURFACE(weft_kafka_offsets)
