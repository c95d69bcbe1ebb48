/* One exported function per table and struct of the ABI, so that abidiff sees them all: the
 * plugin's one symbol does not lead to the service tables, which cross as void pointers. What is no
 * type (constants, names of services) is asserted. */
#include <weft/abi.h>
#include <weft/meta/kafka.h>
#include <weft/meta/mqtt.h>
#include <weft/meta/tcp.h>

#define SURFACE(type)                                                        \
    __attribute__((visibility("default"))) void surface_##type(const type*); \
    void surface_##type(const type* p) {                                     \
        (void)p;                                                             \
    }
#define SURFACE_ENUM(name)                                                      \
    __attribute__((visibility("default"))) void surface_enum_##name(enum name); \
    void surface_enum_##name(enum name e) {                                     \
        (void)e;                                                                \
    }

/* abi.h */
SURFACE(weft_plugin)
SURFACE(weft_binding_vt)
SURFACE(weft_host_vt)
SURFACE(weft_endpoint_vt)
SURFACE(weft_error)
SURFACE(weft_slice)
SURFACE(weft_meta)
SURFACE(weft_pair)
SURFACE(weft_frame)
SURFACE(weft_begin)
SURFACE(weft_data)
SURFACE(weft_flush)
SURFACE(weft_window)
SURFACE_ENUM(weft_kind)
SURFACE_ENUM(weft_level)
SURFACE_ENUM(weft_drain_reason)
SURFACE_ENUM(weft_binding_kind)
SURFACE_ENUM(weft_plugin_flag)

/* abi/, without the drafts */
SURFACE(weft_buffers_vt)
SURFACE(weft_events_vt)
SURFACE(weft_event)
SURFACE(weft_exporter_vt)
SURFACE(weft_listeners_vt)
SURFACE(weft_reactor_vt)
SURFACE(weft_shared_vt)
SURFACE(weft_streams_vt)
SURFACE(weft_tasks_vt)

/* meta/, without the drafts */
SURFACE(weft_tcp_begin)
SURFACE(weft_tcp_reset)
SURFACE(weft_mqtt_begin)
SURFACE(weft_mqtt_publish)
SURFACE(weft_mqtt_ack)
SURFACE(weft_mqtt_filter)
SURFACE(weft_mqtt_subscribe)
SURFACE(weft_mqtt_unsubscribe)
SURFACE(weft_mqtt_suback)
SURFACE(weft_mqtt_reset)
SURFACE(weft_mqtt_will)
SURFACE(weft_kafka_position)
SURFACE(weft_kafka_filter)
SURFACE(weft_kafka_begin)
SURFACE(weft_kafka_record)
SURFACE(weft_kafka_produce)
SURFACE(weft_kafka_produced)
SURFACE(weft_kafka_partition)
SURFACE(weft_kafka_partitions)
SURFACE(weft_kafka_progress)
SURFACE(weft_kafka_status)
SURFACE(weft_kafka_reset)

_Static_assert(WEFT_ABI_MAJOR == 1, "a new major is a new dump");
_Static_assert(WEFT_OK == 0 && WEFT_E_INVALID == -1 && WEFT_E_UNSUPPORTED == -2 &&
                   WEFT_E_IO == -3 && WEFT_E_NOMEM == -4 && WEFT_E_BUSY == -5 &&
                   WEFT_E_INTERNAL == -6 && WEFT_E_GONE == -7,
               "error codes");
_Static_assert(WEFT_FIN == 1 && WEFT_INIT == 2 && WEFT_INCOMPLETE == 4 && WEFT_SKIP == 8,
               "flags of DATA");
_Static_assert(WEFT_READABLE == 1 && WEFT_WRITABLE == 4 && WEFT_HANGUP == 16, "readiness");
#define SAME(constant, text)                                                                     \
    _Static_assert(                                                                              \
        sizeof(constant) == sizeof(text) && __builtin_memcmp(constant, text, sizeof(text)) == 0, \
        #constant)
SAME(WEFT_PLUGIN_ENTRY, "weft_plugin_1");
SAME(WEFT_BUFFERS, "weft.buffers/1");
SAME(WEFT_EVENTS, "weft.events/1");
SAME(WEFT_EXPORTER, "weft.exporter/1");
SAME(WEFT_LISTENERS, "weft.listeners/1");
SAME(WEFT_REACTOR, "weft.reactor/1");
SAME(WEFT_SHARED, "weft.shared/1");
SAME(WEFT_STREAMS, "weft.streams/1");
SAME(WEFT_TASKS, "weft.tasks/1");
