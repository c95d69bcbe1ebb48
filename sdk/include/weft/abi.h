/* clang-format off */
/*
 * Weft stream ABI 1.0: everything a plugin and the runtime share.
 *
 * C11 and C++20, LP64 little-endian, nothing but <stdint.h> below. The C++ layer in
 * <weft/plugin.hpp> sits on top and is compiled into the plugin: only what is declared here, in
 * abi/ and in meta/ is binary contract.
 *
 * Words: host = the runtime; plugin = one loaded .so; binding = one configured entry of zilla.yaml;
 * instance = a binding on one worker; endpoint = one side of a bidirectional stream; generation =
 * one life of a binding, from create to destroy: a reload starts the next beside it.
 *
 * Frozen in 1.0: this file, weft.streams/1, weft.buffers/1, weft.reactor/1, weft.listeners/1,
 * weft.tasks/1, weft.events/1, weft.shared/1, weft.exporter/1 and the metadata of tcp, mqtt and
 * kafka. Draft, may still change: weft.metrics/1, weft.vault/1, weft.vaults/1, weft.guard/1,
 * weft.guards/1.
 *
 * Threads, a tag on every function:
 *   [control]  the host's one control thread; may block
 *   [worker]   the thread of the worker that the argument belongs to; must not block: a call that
 *              holds its worker for more than 100 ms is reported with the binding's name
 *   [any]      any thread
 *
 * Versions: the host states what it speaks in weft_host_vt.abi_major/abi_minor, the plugin what it
 * needs in weft_plugin.abi_major/abi_minor. Majors must be equal; the plugin's minor is the lowest
 * host it can live with. A mismatch is refused with a line that says which side to update.
 *
 * Growth: tables and structs begin with `size` and grow only at their end; a reader takes
 * min(size, sizeof) and treats a missing tail as absent (NULL function, zero field). New areas are
 * new service or extension ids: what a host does not have, `get` answers with NULL. A frame kind
 * that an endpoint does not know is to be ignored.
 *
 * Ownership: pointers passed to a function are borrowed for the call unless its comment says
 * otherwise. Handles (weft_host, weft_worker, weft_stream) are the host's.
 *
 * Errors: control calls return 0 or a negative WEFT_E_* code and fill the caller's weft_error. Data
 * calls return nothing: trouble is a frame (RESET, ABORT). No C++ exception may cross in either
 * direction; one that does ends the stream whose call threw it.
 *
 * Re-entrancy: an instance is never entered while any of its own functions is on the worker's
 * stack. A frame for a busy instance is queued in order and delivered when its outermost call has
 * returned. State machines may be written as if they were alone in the world.
 *
 * Unloading: the host detaches an instance once it has been drained and its streams, its tasks and
 * the buffers that it wrapped are gone; timers and watches are the instance's to cancel, at the
 * latest in detach. After the last binding of a plugin is destroyed the host calls deinit and
 * unmaps the file: by then the plugin's own threads must have ended, and nothing (thread_local
 * destructors, atexit handlers, callbacks given to others) may lead into it any more.
 */
#ifndef WEFT_ABI_H
#define WEFT_ABI_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_ABI_MAJOR 1u
#define WEFT_ABI_MINOR 0u

typedef struct weft_host weft_host;     /* the process; one handle per plugin, from init to deinit */
typedef struct weft_worker weft_worker; /* one instance's handle of its worker, from attach to destroy;
                                           what is made through it is charged to that instance */
typedef struct weft_stream weft_stream; /* one endpoint's handle of a stream, until on_closed returns */
typedef struct weft_buf weft_buf;       /* reference-counted memory behind slices */

/* Stable error codes of control calls. */
enum {
    WEFT_OK = 0,
    WEFT_E_INVALID = -1,     /* bad argument or configuration; text and path say what */
    WEFT_E_UNSUPPORTED = -2, /* the other side lacks a service or a version */
    WEFT_E_IO = -3,          /* the operating system refused; text has its words */
    WEFT_E_NOMEM = -4,
    WEFT_E_BUSY = -5,     /* in use by somebody else */
    WEFT_E_INTERNAL = -6, /* a fault of the plugin, such as a caught exception */
    WEFT_E_GONE = -7      /* the target is detached */
};

/* Filled by the callee of a control call that fails. `path` is a JSON pointer into the
 * configuration text that was passed ("/options/port/0"), empty when it concerns no place; `text`
 * is one line for the user. NUL-terminated. */
typedef struct weft_error {
    int32_t code;
    char path[124];
    char text[384];
} weft_error;

/* Bytes with an owner. Borrowed for the call that carries it: retain (weft.buffers/1) to keep it.
 * Content is immutable once sent. `owner` may be NULL for memory that outlives every use (static
 * data). */
typedef struct weft_slice {
    weft_buf* owner;
    const uint8_t* data;
    uint32_t len, flags; /* flags: 0, reserved */
} weft_slice;

/* Metadata: one flat, 8-aligned block of `size` bytes, {header, fixed fields, tail}. Strings and
 * lists are weft_ref{off, len} into the same block, never pointers, so the host can queue or trace
 * a block with one memcpy. off 0 is null; a non-zero off with len 0 is empty. For lists, len counts
 * items and off is aligned to the item. `type` is the 32-bit FNV-1a hash of the type's name, such
 * as "mqtt.begin/1"; weft_host_vt.intern returns it. `fixed` is sizeof the struct as the writer
 * knew it: fields behind it are absent and read as zero. A change of meaning is a new name (/2);
 * fields are only ever appended. Types are declared in weft/meta/. */
typedef struct weft_ref {
    uint32_t off, len;
} weft_ref;
typedef struct weft_meta {
    uint32_t size, type, fixed, reserved;
} weft_meta;

/* A name and a value, as in Kafka headers and MQTT user properties. */
typedef struct weft_pair {
    weft_ref name, value;
} weft_pair;

/*
 * Frames. A stream is a pair of directions: `initial` (opener to accepter) and `reply` (accepter to
 * opener). BEGIN, DATA, FLUSH, END and ABORT travel from a direction's sender to its receiver;
 * RESET, WINDOW, CHALLENGE and DRAIN from its receiver to its sender. An endpoint sends on its
 * outgoing direction and receives on its incoming one, so the kind alone says which direction a
 * frame concerns.
 *
 *   BEGIN      opens a direction: the initial one is sent by weft_streams_vt.open, the reply by the
 *              accepter, maybe later
 *   DATA       payload and/or metadata; needs credit for `reserved` bytes. One message is INIT,
 *              0..n middle, FIN (INIT|FIN when whole); metadata on INIT only. INCOMPLETE on the
 *              last: the sender died, discard the message
 *   FLUSH      metadata without payload, ordered with DATA. With reserved 0 it needs no credit:
 *              acknowledgements travel so
 *   END        orderly end of this direction; the other stays open
 *   ABORT      abnormal end of this direction
 *   RESET      the receiver refuses or stops this direction; a refused open, a missing route and a
 *              missing target arrive so
 *   WINDOW     credit: the sender may have `maximum` bytes beyond `acknowledge` outstanding.
 *              Absolute and monotonic; acknowledge + maximum never goes down. Merged: a sender sees
 *              the newest state, once per turn
 *   CHALLENGE  the receiver asks for something, only if its peer's WINDOW announced the capability
 *   DRAIN      from the accepter: open a successor for what is new, finish what is in flight here,
 *              END. Openers of long-lived streams honour it; it is how a binding that is replaced
 *              gets rid of streams that would never end by themselves
 *
 * After both directions ended (END or ABORT sent, or RESET received) on_closed follows as the
 * endpoint's last call. An endpoint that receives ABORT or RESET should end its other direction
 * too; nothing ends it for it.
 */
enum weft_kind {
    WEFT_BEGIN = 0x01,
    WEFT_DATA = 0x02,
    WEFT_END = 0x03,
    WEFT_ABORT = 0x04,
    WEFT_FLUSH = 0x05,
    WEFT_RESET = 0x41,
    WEFT_WINDOW = 0x42,
    WEFT_CHALLENGE = 0x43,
    WEFT_DRAIN = 0x44
};
enum { WEFT_FIN = 1, WEFT_INIT = 2, WEFT_INCOMPLETE = 4, WEFT_SKIP = 8 }; /* weft_frame.flags on DATA */

typedef struct weft_frame {
    uint32_t size; /* of the whole frame struct */
    uint16_t kind, flags;
    uint64_t trace_id;     /* of the cause; 0 lets the host choose one */
    uint64_t auth;         /* guard session, 0 = anonymous; the host copies it down the chain */
    const weft_meta* meta; /* NULL or one block */
} weft_frame;
typedef struct weft_begin {
    weft_frame h;
    uint64_t affinity;  /* hint: streams of equal affinity belong together; 0 = none */
    uint64_t origin_id; /* the binding that opened; the host fills it in */
} weft_begin;
typedef struct weft_data {
    weft_frame h;
    uint64_t sequence; /* bytes reserved on this direction before this frame; the host fills it in */
    uint64_t budget;   /* 0; kept for credit shared between streams */
    uint32_t reserved; /* credit spent: payload and the padding that the receiver's WINDOW asked for */
    uint32_t iovcnt;
    const weft_slice* iov;
} weft_data;
typedef struct weft_flush {
    weft_frame h;
    uint64_t sequence, budget;
    uint32_t reserved, pad;
} weft_flush;
typedef struct weft_window {
    weft_frame h;
    uint64_t acknowledge, budget;
    uint32_t maximum;
    uint32_t padding; /* what each DATA reserves beyond its payload */
    uint32_t minimum; /* a sender may wait for this much credit before it sends */
    uint32_t caps;    /* 0; kept for capabilities of the sender of this WINDOW */
} weft_window;
/* END, ABORT, RESET, CHALLENGE and DRAIN are a bare weft_frame. */

/* The functions of one endpoint. [worker], never re-entered. */
typedef struct weft_endpoint_vt {
    uint32_t size, flags;
    void (*on_frame)(void* self, weft_stream* s, const weft_frame* f);
    void (*on_closed)(void* self, weft_stream* s); /* the last call; free self here, nowhere else */
} weft_endpoint_vt;

/* What init receives. Service tables are found by id; see abi/. */
typedef struct weft_host_vt {
    uint32_t size, abi_major, abi_minor, flags;
    const void* (*get)(weft_host* h, const char* service_id);    /* [any] NULL when the host lacks it */
    uint32_t (*intern)(weft_host* h, const char* meta_name);     /* [control] type id, 0 when it collides */
    void (*log)(weft_host* h, uint32_t level, const char* text); /* [any] level: enum weft_level */
} weft_host_vt;
enum weft_level { WEFT_DEBUG = 0, WEFT_INFO = 1, WEFT_WARN = 2, WEFT_ERROR = 3 };

/* Why an instance is drained. */
enum weft_drain_reason {
    WEFT_DRAIN_STOP = 1,    /* the process ends: say goodbye on every stream now */
    WEFT_DRAIN_REPLACE = 2, /* a newer generation takes what is new: serve the streams that are here
                               until they end; goodbye at the deadline, if there is one */
    WEFT_DRAIN_REMOVE = 3   /* the binding is gone from the configuration; as REPLACE, with nobody
                               to succeed it */
};

enum weft_binding_kind {
    WEFT_SERVER = 1,
    WEFT_CLIENT = 2,
    WEFT_PROXY = 4,
    WEFT_CACHE_SERVER = 8,
    WEFT_CACHE_CLIENT = 16,
    WEFT_REMOTE_SERVER = 32,
    WEFT_REMOTE_CLIENT = 64
};

/*
 * A binding type.
 *
 * options_schema is JSON:
 *   {"kinds": {"server": {"options": S, "when": S, "with": S, "exit": E, "vault": V}, ...}, "$defs": {...}}
 * where S is a JSON Schema (draft 7) for that part of the binding (absent part = forbidden; `when`
 * describes one item of the list), E is "required" (exit or routes needed), "optional" or
 * "forbidden", V is true where the binding may name a vault.
 *
 * create gets configuration that was validated against it, as JSON text:
 *   {"namespace": "n", "name": "b", "type": "tcp", "kind": "server", "vault": null,
 *    "options": {...},
 *    "routes": [{"guarded": {...}, "when": [...], "with": {...}, "exit": 7, "exit_name": "n:c"}, ...],
 *    "properties": {"zilla.binding.tcp.window.threshold": "0", ...}, "engine": {"directory": "/...",
 *    "config_directory": "/...", "cache_directory": "/...", "workers": 2, "instance": "n"}}
 * `properties` are all that were given, as text. The binding's `exit` is the last route, without
 * `when`. An exit is the id to give to weft_streams_vt.open; it names a binding, not a generation:
 * a stream goes to the newest one. A route without exit has 0, which opens to a RESET.
 *
 * Order of calls: create, attach once per worker, accept.., drain, last on_closed, detach per
 * worker, destroy. Each is called once and in matched pairs; a failing attach is followed by drain
 * and detach of the instances that were attached, then destroy. Generations of a binding overlap:
 * the newer one attaches before the older one is drained, so whatever both could contend for (a
 * file, a group membership) is handed over by weft.shared/1, and listening sockets are leased.
 */
typedef struct weft_binding_vt {
    uint32_t size, kinds; /* OR of enum weft_binding_kind */
    const char *type, *options_schema;
    const char* const* accepts; /* names of BEGIN metadata that streams to it may carry, NULL-ended; NULL = any */
    const char* const* emits;   /* names of BEGIN metadata that it opens streams with, NULL-ended; NULL = any */
    /* [control] may block, must not touch what an older generation uses. */
    int32_t (*create)(void* plugin, const char* config_json, void** binding, weft_error* e);
    void (*destroy)(void* binding); /* [control] may block */
    int32_t (*attach)(void* binding, weft_worker* w, void** instance, weft_error* e); /* [worker] */
    /* A stream for this instance. Return 0 with *vt and *self set, or a negative code to refuse it
     * (the opener gets RESET). BEGIN is `b`, it does not arrive as a frame. Sending on `s` within
     * the call is allowed. [worker] */
    int32_t (*accept)(void* instance, weft_stream* s, const weft_begin* b,
                      const weft_endpoint_vt** vt, void** self);
    /* Take nothing new, give leases back, ask the openers of long-lived streams to move (DRAIN) and
     * end your own streams in good order. deadline_ns: monotonic, UINT64_MAX = none; what is left a
     * moment after it is aborted by the host. May come again with an earlier deadline. why: enum
     * weft_drain_reason. [worker] */
    void (*drain)(void* instance, uint32_t why, uint64_t deadline_ns);
    void (*detach)(void* instance); /* [worker] after its last on_closed; cancels its timers and watches */
} weft_binding_vt;

typedef struct weft_plugin {
    uint32_t size, abi_major, abi_minor, flags; /* versions: see above; flags: enum weft_plugin_flag */
    const char *name, *version;
    const weft_binding_vt* const* bindings; /* NULL-ended, may be NULL */
    int32_t (*init)(weft_host* h, const weft_host_vt* vt, void** plugin, weft_error* e); /* [control] */
    void (*deinit)(void* plugin);                                                        /* [control] */
    /* Extensions by id, such as "weft.exporter/1"; NULL for those it lacks. plugin may be NULL: the
     * host looks into files that it does not run. [any] */
    const void* (*get)(void* plugin, const char* extension_id);
} weft_plugin;
enum weft_plugin_flag { WEFT_PLUGIN_RESIDENT = 1 }; /* never unmap: for languages that cannot be unloaded */

/* The only symbol a plugin exports; a later major has another name. It must not allocate, start
 * threads or call the host, so that a child process can call it to look into a file. */
typedef const weft_plugin* (*weft_plugin_fn)(void);
#define WEFT_PLUGIN_ENTRY "weft_plugin_1"

#ifdef __cplusplus
}
#endif

#include "abi/buffers.h"
#include "abi/events.h"
#include "abi/exporter.h"
#include "abi/guard.h"
#include "abi/listeners.h"
#include "abi/metrics.h"
#include "abi/reactor.h"
#include "abi/shared.h"
#include "abi/streams.h"
#include "abi/tasks.h"
#include "abi/vault.h"

/* clang-format on */
#endif /* WEFT_ABI_H */
