/* Service weft.events/1: structured events and readiness; what exporters and operators see. */
#ifndef WEFT_ABI_EVENTS_H
#define WEFT_ABI_EVENTS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_EVENTS "weft.events/1"

typedef struct weft_events_vt {
    uint32_t size, flags;
    /* One event of the binding behind `w`. `id` is dotted lower case ("binding.tcp.dns.failed"),
     * printed as BINDING_TCP_DNS_FAILED; `text` is one line in the user's words, with the names
     * that matter. level: enum weft_level. Copied. Events are for people: rate-limit what a client
     * can cause. [any] */
    void (*emit)(weft_worker* w, uint32_t level, uint64_t trace_id, const char* id,
                 const char* text);
    /* Readiness of this instance: with ready 0, `what` ("kafka localhost:9092: connection refused")
     * is listed as what the process waits for. An instance that never calls this is ready once
     * attached. [any] */
    void (*ready)(weft_worker* w, int32_t ready, const char* what);
} weft_events_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_EVENTS_H */
