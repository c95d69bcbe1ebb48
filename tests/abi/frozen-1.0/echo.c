/* An echo as of ABI 1.0 that takes the long way: it copies what came into buffers of its own, ends
 * a stream by a timer, and is not ready before a task has run. */
#include <weft/abi.h>

#include <stdlib.h>
#include <string.h>

static const weft_streams_vt* streams;
static const weft_buffers_vt* buffers;
static const weft_reactor_vt* reactor;
static const weft_tasks_vt* tasks;
static const weft_events_vt* events;
static const weft_shared_vt* shared;
static weft_host* host;

struct instance;
struct connection {
    struct instance* owner;
    weft_stream* stream;
    uint64_t timer;
    struct connection *next, **to_this;
};
struct instance {
    weft_worker* worker;
    struct connection* first;
    int answer; /* of the task */
    int* attached;
};

static void bare(weft_stream* s, uint16_t kind) {
    weft_frame f = {sizeof f, kind, 0, 0, 0, NULL};
    streams->send(s, &f);
}

static void echo_slice(const struct connection* c, const weft_slice* in) {
    weft_slice out = {NULL, NULL, 0, 0};
    weft_data d = {{sizeof d, WEFT_DATA, WEFT_INIT | WEFT_FIN, 0, 0, NULL}, 0, 0, 0, 1, &out};
    uint8_t* to = buffers->alloc(c->owner->worker, in->len, &out);
    if (!to) {
        bare(c->stream, WEFT_ABORT);
        bare(c->stream, WEFT_RESET);
        return;
    }
    memcpy(to, in->data, in->len);
    out.len = in->len;
    d.reserved = out.len + streams->padding(c->stream);
    streams->send(c->stream, &d.h);
    buffers->release(&out);
}

static void end_now(void* ctx) {
    struct connection* c = ctx;
    c->timer = 0;
    bare(c->stream, WEFT_END);
}

static void on_frame(void* self, weft_stream* s, const weft_frame* f) {
    struct connection* c = self;
    switch (f->kind) {
        case WEFT_DATA: {
            const weft_data* d = (const weft_data*)f;
            for (uint32_t i = 0; i < d->iovcnt; ++i)
                if (d->iov[i].len) echo_slice(c, &d->iov[i]);
            return;
        }
        case WEFT_WINDOW: {
            weft_window w = {{sizeof w, WEFT_WINDOW, 0, 0, 0, NULL}, 0, 0, 0, 0, 0, 0};
            w.acknowledge = streams->received(s);
            w.maximum = streams->credit(s);
            w.padding = streams->padding(s);
            streams->send(s, &w.h);
            return;
        }
        case WEFT_END:
            if (!c->timer)
                c->timer = reactor->timer(c->owner->worker,
                                          reactor->now(c->owner->worker) + 1000000, end_now, c);
            return;
        case WEFT_ABORT:
        case WEFT_RESET:
            bare(s, f->kind);
            return;
        default:
            return;
    }
}

static void on_closed(void* self, weft_stream* s) {
    struct connection* c = self;
    (void)s;
    if (c->timer) reactor->cancel(c->owner->worker, c->timer);
    *c->to_this = c->next;
    if (c->next) c->next->to_this = c->to_this;
    free(c);
}

static int32_t create(void* plugin, const char* config, void** binding, weft_error* e) {
    if (!strstr(config, "\"frozen-1-0\"")) {
        e->code = WEFT_E_INVALID;
        return WEFT_E_INVALID;
    }
    *binding = plugin;
    return WEFT_OK;
}

static void work(void* ctx) {
    struct instance* i = ctx;
    i->answer = 42;
}
static void done(void* ctx) {
    struct instance* i = ctx;
    if (i->answer == 42) events->ready(i->worker, 1, "");
}

static void* make_count(void* ctx) {
    (void)ctx;
    return calloc(1, sizeof(int));
}

static int32_t attach(void* binding, weft_worker* w, void** instance, weft_error* e) {
    struct instance* i = calloc(1, sizeof *i);
    (void)binding;
    if (!i) {
        e->code = WEFT_E_NOMEM;
        return WEFT_E_NOMEM;
    }
    i->worker = w;
    i->attached = shared->acquire(host, "frozen-1-0.attached", 1, make_count, NULL, free);
    if (!i->attached) {
        free(i);
        e->code = WEFT_E_BUSY;
        return WEFT_E_BUSY;
    }
    events->ready(w, 0, "the task of the frozen plugin");
    if (tasks->run(w, work, done, i) != WEFT_OK) {
        shared->release(host, "frozen-1-0.attached");
        free(i);
        e->code = WEFT_E_INTERNAL;
        return WEFT_E_INTERNAL;
    }
    *instance = i;
    return WEFT_OK;
}

static int32_t accept_stream(void* instance, weft_stream* s, const weft_begin* b,
                             const weft_endpoint_vt** vt, void** self) {
    static const weft_endpoint_vt endpoint = {sizeof endpoint, 0, on_frame, on_closed};
    weft_begin reply = {{sizeof reply, WEFT_BEGIN, 0, b->h.trace_id, 0, b->h.meta}, 0, 0};
    struct instance* i = instance;
    struct connection* c = calloc(1, sizeof *c);
    if (!c) return WEFT_E_NOMEM;
    c->owner = i;
    c->stream = s;
    c->next = i->first;
    c->to_this = &i->first;
    if (c->next) c->next->to_this = &c->next;
    i->first = c;
    events->emit(i->worker, WEFT_INFO, b->h.trace_id, "binding.frozen.accepted",
                 streams->peer_name(s));
    streams->send(s, &reply.h);
    *vt = &endpoint;
    *self = c;
    return WEFT_OK;
}

static void drain(void* instance, uint32_t why, uint64_t deadline_ns) {
    const struct instance* i = instance;
    (void)deadline_ns;
    if (why != WEFT_DRAIN_STOP) return;
    for (const struct connection* c = i->first; c; c = c->next) bare(c->stream, WEFT_END);
}

static void detach(void* instance) {
    shared->release(host, "frozen-1-0.attached");
    free(instance);
}

static void destroy(void* binding) {
    (void)binding;
}

static int32_t init(weft_host* h, const weft_host_vt* vt, void** plugin, weft_error* e) {
    host = h;
    streams = vt->get(h, WEFT_STREAMS);
    buffers = vt->get(h, WEFT_BUFFERS);
    reactor = vt->get(h, WEFT_REACTOR);
    tasks = vt->get(h, WEFT_TASKS);
    events = vt->get(h, WEFT_EVENTS);
    shared = vt->get(h, WEFT_SHARED);
    if (!streams || !buffers || !reactor || !tasks || !events || !shared ||
        vt->get(h, "weft.no-such-service/1") || !vt->intern(h, "frozen.begin/1")) {
        e->code = WEFT_E_UNSUPPORTED;
        strcpy(e->text, "the host lacks a service that this plugin needs");
        return WEFT_E_UNSUPPORTED;
    }
    *plugin = &host;
    return WEFT_OK;
}
static void deinit(void* plugin) {
    (void)plugin;
}
static const void* extension(void* plugin, const char* id) {
    (void)plugin;
    (void)id;
    return NULL;
}

static const weft_binding_vt binding = {
    sizeof binding, WEFT_SERVER,
    "frozen-1-0",   "{\"kinds\": {\"server\": {\"exit\": \"forbidden\"}}}",
    NULL,           NULL,
    create,         destroy,
    attach,         accept_stream,
    drain,          detach,
};
static const weft_binding_vt* const bindings[] = {&binding, NULL};
static const weft_plugin plugin = {
    sizeof plugin, 1, 0, 0, "frozen-1-0", "1.0.0", bindings, init, deinit, extension,
};

__attribute__((visibility("default"))) const weft_plugin* weft_plugin_1(void);
const weft_plugin* weft_plugin_1(void) {
    return &plugin;
}
