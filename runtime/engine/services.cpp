#include "engine/services.hpp"

#include "engine/binding_runtime.hpp"
#include "loader/plugin_library.hpp"
#include "worker/loop.hpp"

#include <weft/hash.hpp>

#include <boost/asio/post.hpp>

#include <spdlog/spdlog.h>

#include <cstring>
#include <ctime>

namespace weft {
namespace {

// Every function here is called by plugins and must not throw into them.

weft_stream* streams_open(weft_worker* w, uint64_t exit_id, const weft_begin* b,
                          const weft_endpoint_vt* vt, void* self) {
    return w->loop->open(w, exit_id, b, vt, self);
}
void streams_send(weft_stream* s, const weft_frame* f) {
    s->at->owner->loop->send(s, f);
}
uint32_t streams_credit(const weft_stream* s) {
    return s->out == direction::open ? s->credit() : 0;
}
uint64_t streams_received(const weft_stream* s) {
    return s->received();
}
uint32_t streams_padding(const weft_stream* s) {
    return s->padding;
}
const char* streams_peer_name(const weft_stream* s) {
    const auto* peer = const_cast<weft_stream*>(s)->peer();
    return peer->at ? peer->at->owner->binding->name.c_str() : "";
}
const weft_streams_vt streams_table{sizeof(weft_streams_vt),
                                    0,
                                    streams_open,
                                    streams_send,
                                    streams_credit,
                                    streams_received,
                                    streams_padding,
                                    streams_peer_name};

uint8_t* buffers_alloc(weft_worker* w, uint32_t cap, weft_slice* out) {
    return w->loop->buffers().alloc(cap, out);
}
int32_t buffers_wrap(weft_worker* w, const void* p, uint32_t n, void (*rel)(void*), void* ctx,
                     weft_slice* out) {
    return w->loop->buffers().wrap(w, p, n, rel, ctx, out) ? WEFT_OK : WEFT_E_NOMEM;
}
void buffers_retain(const weft_slice* s) {
    if (s->owner) buffer_pool::retain(s->owner);
}
void buffers_release(const weft_slice* s) {
    if (s->owner) buffer_pool::release(s->owner);
}
void buffers_share(const weft_slice* s) {
    if (s->owner) buffer_pool::share(s->owner);
}
const weft_buffers_vt buffers_table{sizeof(weft_buffers_vt),
                                    0,
                                    buffers_alloc,
                                    buffers_wrap,
                                    buffers_retain,
                                    buffers_release,
                                    buffers_share};

uint64_t reactor_now(weft_worker* w) {
    return w->loop->now();
}
uint64_t reactor_wall_ms(weft_worker*) {
    // Asked for with every record. The coarse clock is some milliseconds behind at most, and costs
    // a tenth.
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
}
uint64_t reactor_timer(weft_worker* w, uint64_t at_ns, void (*fn)(void*), void* ctx) {
    return w->loop->add_timer(w, at_ns, fn, ctx);
}
uint64_t reactor_watch(weft_worker* w, int fd, uint32_t events, void (*fn)(void*, uint32_t),
                       void* ctx) {
    return w->loop->add_watch(w, fd, events, fn, ctx);
}
int32_t reactor_modify(weft_worker* w, uint64_t id, uint32_t events) {
    return w->loop->modify_watch(id, events);
}
int32_t reactor_cancel(weft_worker* w, uint64_t id) {
    w->loop->cancel(id);
    return WEFT_OK;
}
int32_t reactor_post(weft_worker* w, void (*fn)(void*), void* ctx) {
    return w->loop->post(w, fn, ctx) ? WEFT_OK : WEFT_E_GONE;
}
uint32_t reactor_index(weft_worker* w) {
    return w->loop->index();
}
void reactor_defer(weft_worker* w, void (*fn)(void*), void* ctx) {
    w->loop->defer(w, fn, ctx);
}
const weft_reactor_vt reactor_table{sizeof(weft_reactor_vt),
                                    0,
                                    reactor_now,
                                    reactor_wall_ms,
                                    reactor_timer,
                                    reactor_watch,
                                    reactor_modify,
                                    reactor_cancel,
                                    reactor_post,
                                    reactor_index,
                                    reactor_defer};

uint64_t listeners_lease(weft_worker* w, const char* host, uint16_t port, int32_t backlog, int* fd,
                         weft_error* e) {
    return service_host::of(w).listening().lease(w->loop->index(), w->binding->name, host, port,
                                                 backlog, fd, e);
}
void listeners_release(weft_worker* w, uint64_t lease) {
    service_host::of(w).listening().release(lease);
}
const weft_listeners_vt listeners_table{sizeof(weft_listeners_vt), 0, listeners_lease,
                                        listeners_release};

int32_t tasks_run(weft_worker* w, void (*work)(void*), void (*done)(void*), void* ctx) {
    w->tasks.fetch_add(1);
    boost::asio::post(service_host::of(w).tasks(), [w, work, done, ctx] {
        work(ctx);
        w->loop->run_on([w, done, ctx] {
            w->loop->enter(w, [&] { done(ctx); });
            w->tasks.fetch_sub(1);
            w->loop->look_at_rest(w);
        });
    });
    return WEFT_OK;
}
const weft_tasks_vt tasks_table{sizeof(weft_tasks_vt), 0, tasks_run};

void events_emit(weft_worker* w, uint32_t level, uint64_t trace, const char* id, const char* text) {
    service_host::of(w).events().emit(
        {level, 0, trace, w->binding->config.ns, w->binding->config.name, id, text});
}
void events_ready(weft_worker* w, int32_t ready, const char* what) {
    service_host::of(w).ready().set(w, w->binding->name, ready != 0, what ? what : "");
}
const weft_events_vt events_table{sizeof(weft_events_vt), 0, events_emit, events_ready};

uint64_t* metrics_cell(weft_worker* w, const char* name, uint32_t kind) {
    std::lock_guard lock(w->metrics_mutex);
    auto& cell = w->metrics[name];
    if (!cell) {
        cell = std::make_unique<metric_cell>();
        cell->gauge = kind == 1;
    }
    return &cell->value;
}
const weft_metrics_vt metrics_table{sizeof(weft_metrics_vt), 0, metrics_cell};

void* shared_acquire(weft_host* h, const char* key, uint32_t version, void* (*make)(void*),
                     void* ctx, void (*destroy)(void*)) {
    return h->services->shared().acquire(h, key, version, make, ctx, destroy);
}
void shared_release(weft_host* h, const char* key) {
    h->services->shared().release(h, key);
}
const weft_shared_vt shared_table{sizeof(weft_shared_vt), 0, shared_acquire, shared_release};

int32_t vaults_find(weft_host* h, const char* vault, uint32_t kind, const char* alias,
                    weft_vault_each each, void* ctx) {
    return h->services->vaults().find(vault, kind, alias, each, ctx);
}
int32_t vaults_watch(weft_host* h, const char* vault, int32_t (*renew)(void*, weft_error*),
                     void* ctx) {
    return h->services->vaults().watch(vault, renew, ctx);
}
int32_t vaults_sign(weft_worker* w, const char* vault, uint64_t signer, uint32_t scheme,
                    const weft_slice* data, weft_vault_signed done, void* ctx) {
    return service_host::of(w).vaults().sign(w, vault, signer, scheme, data, done, ctx);
}
const weft_vaults_vt vaults_table{sizeof(weft_vaults_vt), 0, vaults_find, vaults_watch,
                                  vaults_sign};

void guards_verify(weft_worker* w, const char* guard, const weft_guard_request* q,
                   weft_guard_done done, void* ctx) {
    service_host::of(w).guards().verify(w, guard, *q, done, ctx);
}
void guards_retain(weft_worker* w, uint64_t auth) {
    service_host::of(w).guards().retain(w, auth);
}
void guards_release(weft_worker* w, uint64_t auth) {
    service_host::of(w).guards().release(w, auth);
}
const weft_guard_session* guards_session(weft_worker* w, uint64_t auth) {
    return service_host::of(w).guards().session(w, auth);
}
const weft_guards_vt guards_table{
    sizeof(weft_guards_vt), 0, guards_verify, guards_retain, guards_release, guards_session};

const void* host_get(weft_host*, const char* id) {
    static const std::map<std::string, const void*> tables{
        {WEFT_STREAMS, &streams_table}, {WEFT_BUFFERS, &buffers_table},
        {WEFT_REACTOR, &reactor_table}, {WEFT_TASKS, &tasks_table},
        {WEFT_EVENTS, &events_table},   {WEFT_LISTENERS, &listeners_table},
        {WEFT_METRICS, &metrics_table}, {WEFT_SHARED, &shared_table},
        {WEFT_VAULTS, &vaults_table},   {WEFT_GUARDS, &guards_table}};
    const auto it = tables.find(id);
    return it == tables.end() ? nullptr : it->second;
}
uint32_t host_intern(weft_host* h, const char* name) {
    return h->services->intern(name);
}
void host_log(weft_host* h, uint32_t level, const char* text) {
    switch (level) {
        case WEFT_DEBUG:
            spdlog::debug("{}: {}", h->plugin, text);
            break;
        case WEFT_INFO:
            spdlog::info("{}: {}", h->plugin, text);
            break;
        case WEFT_WARN:
            spdlog::warn("{}: {}", h->plugin, text);
            break;
        default:
            spdlog::error("{}: {}", h->plugin, text);
            break;
    }
}
const weft_host_vt host_vt{sizeof(weft_host_vt), WEFT_ABI_MAJOR, WEFT_ABI_MINOR, 0, host_get,
                           host_intern,          host_log};

}  // namespace

const weft_host_vt* service_host::host_table() const {
    return &host_vt;
}

uint32_t service_host::intern(const std::string& name) {
    std::lock_guard lock(names_mutex_);
    const uint32_t number = fnv1a_32(name);
    const auto& owner = names_.emplace(number, name).first->second;
    return owner == name ? number : 0;
}

service_host& service_host::of(weft_worker* w) {
    return *w->binding->plugin->host().services;
}

}  // namespace weft
