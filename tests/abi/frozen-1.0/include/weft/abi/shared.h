/* Service weft.shared/1: process-wide state of a plugin that outlives one generation of it. */
#ifndef WEFT_ABI_SHARED_H
#define WEFT_ABI_SHARED_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_SHARED "weft.shared/1"

typedef struct weft_shared_vt {
    uint32_t size, flags;
    /* The object called `key` of layout `version`, made with make(ctx) by the first caller; one
     * reference is added. NULL when an object of another version lives under that key, or when make
     * returned NULL. Generations of a plugin share it, so it must be plain data: no pointer into a
     * plugin's code (vtables, functions, std::function) unless its owner takes it out again before
     * it goes. make runs under the host's lock and must not call back into this service. [any] */
    void* (*acquire)(weft_host* h, const char* key, uint32_t version, void* (*make)(void* ctx),
                     void* ctx, void (*destroy)(void* object));
    /* Drops one reference. At the last one of all, the `destroy` that this plugin gave is called:
     * each generation brings its own. [any] */
    void (*release)(weft_host* h, const char* key);
} weft_shared_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_SHARED_H */
