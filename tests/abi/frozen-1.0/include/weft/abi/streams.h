/* Service weft.streams/1: opening streams and sending frames. */
#ifndef WEFT_ABI_STREAMS_H
#define WEFT_ABI_STREAMS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_STREAMS "weft.streams/1"

typedef struct weft_streams_vt {
    uint32_t size, flags;
    /* Opens a stream to the binding `exit_id` on the same worker and sends its BEGIN. Never NULL: a
     * refusal arrives later as RESET to `vt`. `self` is the caller's until on_closed. [worker] */
    weft_stream* (*open)(weft_worker* w, uint64_t exit_id, const weft_begin* b,
                         const weft_endpoint_vt* vt, void* self);
    /* Sends a frame on the endpoint's outgoing direction (BEGIN, DATA, FLUSH, END, ABORT) or about
     * its incoming one (RESET, WINDOW, CHALLENGE, DRAIN). The frame, its metadata and its slices
     * are borrowed. A frame on a direction that is over is ignored; one that breaks order or credit
     * aborts the stream and names the binding in an event. [worker] */
    void (*send)(weft_stream* s, const weft_frame* f);
    /* Bytes that DATA.reserved may still use on the outgoing direction. [worker] */
    uint32_t (*credit)(const weft_stream* s);
    /* Bytes reserved on the incoming direction so far: what WINDOW.acknowledge counts up to.
     * [worker] */
    uint64_t (*received)(const weft_stream* s);
    /* Padding that the peer's WINDOW asked for on top of each DATA's payload. [worker] */
    uint32_t (*padding)(const weft_stream* s);
    /* The binding at the other end, as "namespace:name", for log lines; valid as long as the
     * stream. [worker] */
    const char* (*peer_name)(const weft_stream* s);
} weft_streams_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_STREAMS_H */
