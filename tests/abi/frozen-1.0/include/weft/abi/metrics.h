/* Service weft.metrics/1 (draft): counters and gauges of an instance. */
#ifndef WEFT_ABI_METRICS_H
#define WEFT_ABI_METRICS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_METRICS "weft.metrics/1"

typedef struct weft_metrics_vt {
    uint32_t size, flags;
    /* The cell of metric `name` ("mqtt.qos0.dropped") of this instance, created at 0; equal names
     * give the same cell. Only this worker writes it (a relaxed atomic store); the host reads it at
     * any time. Valid until destroy. kind: 0 counter, 1 gauge. [worker] */
    uint64_t* (*cell)(weft_worker* w, const char* name, uint32_t kind);
} weft_metrics_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_METRICS_H */
