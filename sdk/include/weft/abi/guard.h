/* Extension weft.guard/1 (draft): a plugin that verifies credentials, found by
 * weft_plugin.get("weft.guard/1"). Service weft.guards/1 (draft): how bindings have credentials
 * verified and look at the sessions that come of it. */
#ifndef WEFT_ABI_GUARD_H
#define WEFT_ABI_GUARD_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_GUARD "weft.guard/1"
#define WEFT_GUARDS "weft.guards/1"

#define WEFT_GUARD_NEVER UINT64_MAX /* of a time: it does not come */

/* Who somebody is. Text is UTF-8 and NUL-terminated, attributes are name and value in turn. */
typedef struct weft_guard_session {
    uint32_t size, flags;
    const char* guard;       /* "namespace:name"; the host fills it in */
    const char* identity;    /* "" when it has none */
    const char* credentials; /* to be passed on to others, or "" */
    const char* const* roles;
    const char* const* attributes;
    uint32_t role_count, attribute_count; /* attribute_count: of pairs */
    uint64_t expires_ms;                  /* wall clock; WEFT_GUARD_NEVER */
    uint64_t challenge_ms; /* from here on the client may be asked for new credentials, in time */
} weft_guard_session;

/* What is to be verified. Borrowed for the call. */
typedef struct weft_guard_request {
    uint32_t size, flags;
    uint64_t context;     /* the connection: its own number, chosen by the binding */
    uint64_t auth;        /* the session that it has already, or 0 */
    const char* username; /* NULL where the protocol has none */
    weft_slice credentials;
    const char* remote; /* the peer's address for people and for limits, or NULL */
} weft_guard_request;

/* Why not, in the guard's words ("Token is expired."); NULL when `session` says who it is. */
typedef void (*weft_guard_answer)(void* request, const weft_guard_session* session,
                                  const char* refusal);

typedef struct weft_guard_vt {
    uint32_t size, flags;
    const char* type;           /* as in guards.NAME.type */
    const char* options_schema; /* JSON Schema for its `options`; NULL = there must be none */
    /* config: as weft_vault_vt.create. May block. [control] */
    int32_t (*create)(void* plugin, const char* config_json, void** guard, weft_error* e);
    void (*destroy)(void* guard); /* [control] no verify is under way any more */
    /* Of what it depends on beside its options (files); NULL or equal: unchanged. [control] */
    const char* (*digest)(void* guard);
    const char* const* (*files)(void* guard); /* as weft_vault_vt.files [control] */
    /* Answers once, within the call or later, from any thread, and always: within a time of its own
     * when it asks somebody else. `w` is the worker of who asks: what is made through it (tasks,
     * timers, events) is charged to that binding. Called on several workers at once. [worker] */
    void (*verify)(void* guard, weft_worker* w, const weft_guard_request* q,
                   weft_guard_answer answer, void* request);
} weft_guard_vt;

/* auth: the session, with one reference that is the asker's, or 0 with the reason. [worker] */
typedef void (*weft_guard_done)(void* ctx, uint64_t auth, const char* refusal);

/* Sessions belong to a worker, as streams do: an auth means something on the worker it was made on.
 * It travels in weft_frame.auth. */
typedef struct weft_guards_vt {
    uint32_t size, flags;
    /* Has the guard of this qualified name verify. `done` is always called, always later, as a call
     * into the instance; detach waits for it. When q->auth is a session of the same guard, context,
     * identity, roles and attributes, it is that again, with its times renewed and a reference
     * more. [worker] */
    void (*verify)(weft_worker* w, const char* guard, const weft_guard_request* q,
                   weft_guard_done done, void* ctx);
    void (*retain)(weft_worker* w, uint64_t auth);  /* [worker] */
    void (*release)(weft_worker* w, uint64_t auth); /* [worker] gone with the last reference */
    /* NULL when there is none. Valid until it is released or verified again. Whether it is expired
     * is for who looks to say. [worker] */
    const weft_guard_session* (*session)(weft_worker* w, uint64_t auth);
} weft_guards_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_GUARD_H */
