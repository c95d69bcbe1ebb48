/* Service weft.reactor/1: clock, timers, descriptor readiness and posts of a worker. */
#ifndef WEFT_ABI_REACTOR_H
#define WEFT_ABI_REACTOR_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_REACTOR "weft.reactor/1"
enum {
    WEFT_READABLE = 1,
    WEFT_WRITABLE = 4,
    WEFT_HANGUP = 16
}; /* HANGUP is only reported: peer closed or error */

typedef struct weft_reactor_vt {
    uint32_t size, flags;
    uint64_t (*now)(weft_worker* w);     /* monotonic ns, cached for the worker's turn [worker] */
    uint64_t (*wall_ms)(weft_worker* w); /* ms since 1970, exact to 10 ms [any] */
    /* One-shot timer at monotonic `at_ns`. Returns its id, never 0; the id is free again once fn
     * has run. [worker] */
    uint64_t (*timer)(weft_worker* w, uint64_t at_ns, void (*fn)(void* ctx), void* ctx);
    /* Level-triggered readiness of `fd`; interest (WEFT_READABLE | WEFT_WRITABLE, may be 0) stays
     * until modified. The caller keeps owning fd and cancels the watch before closing it. 0 on
     * failure. [worker] */
    uint64_t (*watch)(weft_worker* w, int fd, uint32_t events,
                      void (*fn)(void* ctx, uint32_t events), void* ctx);
    int32_t (*modify)(weft_worker* w, uint64_t watch_id, uint32_t events); /* [worker] */
    /* Ends a timer or watch: its fn is not called again, not even for an event already found.
     * Unknown ids are ignored. [worker] */
    int32_t (*cancel)(weft_worker* w, uint64_t id);
    /* Runs fn on w's thread, as a call into that instance, in order of posts from one thread.
     * WEFT_E_GONE after detach: fn will not run and ctx stays the caller's. Posts accepted before
     * detach run before it. [any] */
    int32_t (*post)(weft_worker* w, void (*fn)(void* ctx), void* ctx);
    uint32_t (*index)(weft_worker* w); /* 0..workers-1 [any] */
    /* Runs fn once at the end of the worker's current turn, after queued frames and before merged
     * WINDOWs go out: the place for "one gathered write per wake-up". [worker] */
    void (*defer)(weft_worker* w, void (*fn)(void* ctx), void* ctx);
} weft_reactor_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_REACTOR_H */
