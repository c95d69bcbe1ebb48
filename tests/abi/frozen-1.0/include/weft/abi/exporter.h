/* Extension weft.exporter/1: a plugin that receives events. Found by
 * weft_plugin.get("weft.exporter/1"). */
#ifndef WEFT_ABI_EXPORTER_H
#define WEFT_ABI_EXPORTER_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_EXPORTER "weft.exporter/1"

typedef struct weft_event {
    uint32_t size, level;
    uint64_t time_ms, trace_id;
    const char* ns;      /* namespace, or "engine" */
    const char* binding; /* binding name, or "events" for the engine's own */
    const char* id;      /* dotted lower case */
    const char* text;
} weft_event;

typedef struct weft_exporter_vt {
    uint32_t size, flags;
    const char* type;           /* as in telemetry.exporters.NAME.type */
    const char* options_schema; /* JSON Schema for its `options`; NULL = options are ignored */
    /* config: {"namespace": "n", "name": "e", "type": "stdout", "options": {...}}. */
    int32_t (*create)(void* plugin, const char* config_json, void** exporter,
                      weft_error* e); /* [control] */
    void (*on_event)(void* exporter,
                     const weft_event* ev); /* [control], in order of time; may block */
    void (*destroy)(void* exporter);        /* [control] */
} weft_exporter_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_EXPORTER_H */
