/* Service weft.buffers/1: reference-counted memory for slices. */
#ifndef WEFT_ABI_BUFFERS_H
#define WEFT_ABI_BUFFERS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_BUFFERS "weft.buffers/1"

/* The count behind a slice belongs to one worker and is a plain integer until `share` makes it
 * atomic; only a shared slice may be retained or released on another thread. Slices of one owner
 * may differ in data and len: a mapped file is wrapped once and cut into many slices, each retained
 * on its own. */
typedef struct weft_buffers_vt {
    uint32_t size, flags;
    /* Memory of `cap` bytes from the worker's pool, count 1; writable until first sent, out->len is
     * `cap`. NULL when the worker's limit is reached or memory is out. [worker] */
    uint8_t* (*alloc)(weft_worker* w, uint32_t cap, weft_slice* out);
    /* Lends foreign memory, count 1; `rel(ctx)` runs on the worker that wrapped it once the count
     * is 0. 0 or a code. [worker] */
    int32_t (*wrap)(weft_worker* w, const void* p, uint32_t n, void (*rel)(void* ctx), void* ctx,
                    weft_slice* out);
    void (*retain)(const weft_slice* s);  /* [worker], on a shared slice [any] */
    void (*release)(const weft_slice* s); /* [worker], on a shared slice [any] */
    void (*share)(const weft_slice* s);   /* [worker] from now on the count is atomic */
} weft_buffers_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_BUFFERS_H */
