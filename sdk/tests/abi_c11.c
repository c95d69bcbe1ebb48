/* The headers as a plain C plugin sees them: C11, pedantic, and every offset that is binary
 * contract. */
#include <stddef.h>
#include <weft/abi.h>
#include <weft/meta/kafka.h>
#include <weft/meta/mqtt.h>
#include <weft/meta/tcp.h>

#include "abi_layout.h"

/* A table with every function the host calls, filled by hand as a C plugin would. */
static int32_t create(void* plugin, const char* json, void** binding, weft_error* e) {
    (void)plugin, (void)json, (void)e;
    *binding = 0;
    return WEFT_OK;
}
static const weft_binding_vt binding = {
    .size = sizeof(weft_binding_vt), .kinds = WEFT_PROXY, .type = "c", .create = create};
static const weft_binding_vt* const bindings[] = {&binding, 0};
static const weft_plugin plugin = {.size = sizeof(weft_plugin),
                                   .abi_major = WEFT_ABI_MAJOR,
                                   .abi_minor = WEFT_ABI_MINOR,
                                   .name = "c",
                                   .version = "1",
                                   .bindings = bindings};

const weft_plugin* weft_test_c_plugin(void);
const weft_plugin* weft_test_c_plugin(void) {
    return &plugin;
}
