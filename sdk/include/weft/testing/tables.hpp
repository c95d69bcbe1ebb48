// The C tables that the kit's host gives to a plugin: each function leads to detail::core.
#pragma once

#include <weft/testing/entities.hpp>

namespace weft::testing::detail {

// What a plugin holds as its weft_host.
struct plugin_state {
    core* of = nullptr;
    std::string name;
    weft_host* handle() { return reinterpret_cast<weft_host*>(this); }
    static plugin_state* of_handle(weft_host* h) { return reinterpret_cast<plugin_state*>(h); }
};

inline worker_state* state(weft_worker* w) {
    return worker_state::of_handle(w);
}
inline stream_end* state(const weft_stream* s) {
    return stream_end::of_handle(s);
}
inline core* core_of(const weft_stream* s) {
    return state(s)->owner->of;
}
// Slices name no worker: the host is the one that knows the buffer.
class core_list {
public:
    void add(core* c) {
        const std::lock_guard lock(mutex_);
        cores_.push_back(c);
    }
    void remove(core* c) {
        const std::lock_guard lock(mutex_);
        std::erase(cores_, c);
    }
    core* find(const weft_slice* s) {
        const std::lock_guard lock(mutex_);
        for (core* c : cores_)
            if (c->buffers.knows(s->owner)) return c;
        return cores_.empty() ? nullptr : cores_.back();  // which reports it
    }

private:
    std::mutex mutex_;
    std::vector<core*> cores_;
};
inline core_list& cores() {
    static core_list list;
    return list;
}

inline const weft_streams_vt* streams_table() {
    static const weft_streams_vt t{
        sizeof t,
        0,
        [](weft_worker* w, uint64_t exit, const weft_begin* b, const weft_endpoint_vt* vt,
           void* self) { return state(w)->of->open(state(w), exit, b, vt, self); },
        [](weft_stream* s, const weft_frame* f) { core_of(s)->send(state(s), f); },
        [](const weft_stream* s) -> uint32_t {
            if (!core_of(s)->check_stream(state(s), "credit")) return 0;
            return state(s)->out == direction::open ? state(s)->credit() : 0;
        },
        [](const weft_stream* s) -> uint64_t {
            return core_of(s)->check_stream(state(s), "received") ? state(s)->delivered : 0;
        },
        [](const weft_stream* s) -> uint32_t {
            return core_of(s)->check_stream(state(s), "padding") ? state(s)->padding : 0;
        },
        [](const weft_stream* s) -> const char* {
            if (!core_of(s)->check_stream(state(s), "peer_name")) return "";
            const auto* peer = state(s)->peer;
            return peer->owner && peer->vt ? peer->owner->name.c_str() : "";
        }};
    return &t;
}

inline const weft_buffers_vt* buffers_table() {
    static const weft_buffers_vt t{sizeof t,
                                   0,
                                   [](weft_worker* w, uint32_t cap, weft_slice* out) -> uint8_t* {
                                       if (!state(w)->of->check_call(state(w), "alloc"))
                                           return nullptr;
                                       return state(w)->of->buffers.alloc(state(w)->name, cap, out);
                                   },
                                   [](weft_worker* w, const void* p, uint32_t n, void (*rel)(void*),
                                      void* ctx, weft_slice* out) -> int32_t {
                                       if (!state(w)->of->check_call(state(w), "wrap"))
                                           return WEFT_E_INVALID;
                                       return state(w)->of->buffers.wrap(state(w)->name, state(w),
                                                                         p, n, rel, ctx, out);
                                   },
                                   [](const weft_slice* s) {
                                       if (auto* c = cores().find(s)) c->buffers.retain(*s);
                                   },
                                   [](const weft_slice* s) {
                                       if (auto* c = cores().find(s)) c->buffers.release(*s);
                                   },
                                   [](const weft_slice* s) {
                                       if (auto* c = cores().find(s)) c->buffers.share(*s);
                                   }};
    return &t;
}

inline const weft_reactor_vt* reactor_table() {
    static const weft_reactor_vt t{
        sizeof t,
        0,
        [](weft_worker* w) -> uint64_t {
            state(w)->of->check_call(state(w), "now");
            return state(w)->of->now();
        },
        [](weft_worker* w) { return state(w)->of->wall_ms(); },
        [](weft_worker* w, uint64_t at, void (*fn)(void*), void* ctx) {
            return state(w)->of->add_timer(state(w), at, fn, ctx);
        },
        [](weft_worker* w, int fd, uint32_t ev, void (*fn)(void*, uint32_t), void* ctx) {
            return state(w)->of->add_watch(state(w), fd, ev, fn, ctx);
        },
        [](weft_worker* w, uint64_t id, uint32_t ev) -> int32_t {
            if (!state(w)->of->check_call(state(w), "modify")) return WEFT_E_INVALID;
            return state(w)->of->modify_watch(id, ev);
        },
        [](weft_worker* w, uint64_t id) -> int32_t {
            if (state(w)->of->check_call(state(w), "cancel")) state(w)->of->cancel(id);
            return WEFT_OK;
        },
        [](weft_worker* w, void (*fn)(void*), void* ctx) {
            return state(w)->of->post(state(w), fn, ctx);
        },
        [](weft_worker* w) { return state(w)->index; },
        [](weft_worker* w, void (*fn)(void*), void* ctx) {
            state(w)->of->defer(state(w), fn, ctx);
        }};
    return &t;
}

inline const weft_listeners_vt* listeners_table() {
    static const weft_listeners_vt t{
        sizeof t, 0,
        [](weft_worker* w, const char* host, uint16_t port, int32_t, int* fd, weft_error* e) {
            return state(w)->of->lease(state(w), host, port, fd, e);
        },
        [](weft_worker* w, uint64_t id) { state(w)->of->release_lease(state(w), id); }};
    return &t;
}

inline const weft_tasks_vt* tasks_table() {
    static const weft_tasks_vt t{
        sizeof t, 0, [](weft_worker* w, void (*work)(void*), void (*done)(void*), void* ctx) {
            return state(w)->of->run_task(state(w), work, done, ctx);
        }};
    return &t;
}

inline const weft_events_vt* events_table() {
    static const weft_events_vt t{
        sizeof t, 0,
        [](weft_worker* w, uint32_t level, uint64_t trace, const char* id, const char* text) {
            state(w)->of->emit(state(w), level, trace, id, text);
        },
        [](weft_worker* w, int32_t is_ready, const char* what) {
            state(w)->of->ready(state(w), is_ready != 0, what);
        }};
    return &t;
}

inline const weft_metrics_vt* metrics_table() {
    static const weft_metrics_vt t{sizeof t, 0, [](weft_worker* w, const char* name, uint32_t) {
                                       return state(w)->of->cell(state(w), name);
                                   }};
    return &t;
}

inline const weft_shared_vt* shared_table() {
    static const weft_shared_vt t{sizeof t, 0,
                                  [](weft_host* h, const char* key, uint32_t version,
                                     void* (*make)(void*), void* ctx, void (*destroy)(void*)) {
                                      return plugin_state::of_handle(h)->of->acquire(
                                          h, key, version, make, ctx, destroy);
                                  },
                                  [](weft_host* h, const char* key) {
                                      plugin_state::of_handle(h)->of->release_shared(h, key);
                                  }};
    return &t;
}

inline const weft_vaults_vt* vaults_table() {
    static const weft_vaults_vt t{
        sizeof t, 0,
        [](weft_host* h, const char* vault, uint32_t kind, const char* alias, weft_vault_each each,
           void* ctx) {
            return plugin_state::of_handle(h)->of->services->find(vault, kind, alias, each, ctx);
        },
        [](weft_host* h, const char* vault, int32_t (*renew)(void*, weft_error*), void* ctx) {
            return plugin_state::of_handle(h)->of->services->watch(
                plugin_state::of_handle(h)->of->creating, vault, renew, ctx);
        },
        [](weft_worker*, const char*, uint64_t, uint32_t, const weft_slice*, weft_vault_signed,
           void*) -> int32_t { return WEFT_E_UNSUPPORTED; }};
    return &t;
}

inline const weft_guards_vt* guards_table() {
    static const weft_guards_vt t{
        sizeof t,
        0,
        [](weft_worker* w, const char* guard, const weft_guard_request* q, weft_guard_done done,
           void* ctx) {
            auto* c = state(w)->of;
            c->services->verify(*c, state(w), guard, *q, done, ctx);
        },
        [](weft_worker* w, uint64_t auth) { state(w)->of->services->retain(auth); },
        [](weft_worker* w, uint64_t auth) { state(w)->of->services->release(auth); },
        [](weft_worker* w, uint64_t auth) { return state(w)->of->services->session(auth); }};
    return &t;
}

inline const void* service(weft_host* h, const char* id) {
    if (plugin_state::of_handle(h)->of->without.contains(id)) return nullptr;
    const std::map<std::string_view, const void*> tables{
        {WEFT_STREAMS, streams_table()}, {WEFT_BUFFERS, buffers_table()},
        {WEFT_REACTOR, reactor_table()}, {WEFT_LISTENERS, listeners_table()},
        {WEFT_TASKS, tasks_table()},     {WEFT_EVENTS, events_table()},
        {WEFT_METRICS, metrics_table()}, {WEFT_SHARED, shared_table()},
        {WEFT_VAULTS, vaults_table()},   {WEFT_GUARDS, guards_table()}};
    const auto it = tables.find(id);
    return it == tables.end() ? nullptr : it->second;
}

inline weft_host_vt host_table(uint32_t abi_major, uint32_t abi_minor) {
    return {
        sizeof(weft_host_vt),
        abi_major,
        abi_minor,
        0,
        service,
        [](weft_host* h, const char* name) { return plugin_state::of_handle(h)->of->intern(name); },
        [](weft_host* h, uint32_t level, const char* text) {
            auto* p = plugin_state::of_handle(h);
            p->of->log(p->name, level, text);
        }};
}

}  // namespace weft::testing::detail
