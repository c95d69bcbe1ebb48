/* Service weft.tasks/1: a small pool of threads for calls that block. */
#ifndef WEFT_ABI_TASKS_H
#define WEFT_ABI_TASKS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_TASKS "weft.tasks/1"

typedef struct weft_tasks_vt {
    uint32_t size, flags;
    /* Runs work(ctx) on a pool thread, then done(ctx) on w's thread as a call into the instance.
     * `done` always runs if run returned 0; detach waits for it. [worker] */
    int32_t (*run)(weft_worker* w, void (*work)(void* ctx), void (*done)(void* ctx), void* ctx);
} weft_tasks_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_TASKS_H */
