/* Service weft.shared/1 (draft): process-wide state of a plugin that outlives one generation of it.
 */
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
     * returned NULL. Thread-safe; make runs under the host's lock and must not call back into this
     * service. `destroy` is taken from the first caller and must stay mapped: its plugin stays
     * loaded. [any] */
    void* (*acquire)(weft_host* h, const char* key, uint32_t version, void* (*make)(void* ctx),
                     void* ctx, void (*destroy)(void* object));
    void (*release)(weft_host* h,
                    const char* key); /* drops one reference; destroy runs at the last [any] */
} weft_shared_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_SHARED_H */
