/* The echo example in plain C: the ABI as it is, without a layer above it. */
#include <weft/abi.h>

#include <stdlib.h>
#include <string.h>

/* Service tables, found once in init and constant from then on. */
static const weft_streams_vt* streams;

/* One stream; all of one instance are in a list. */
struct connection {
    weft_stream* stream;
    struct connection *next, **to_this;
};
struct instance {
    struct connection* first;
};

static void bare(weft_stream* s, uint16_t kind) {
    weft_frame f = {sizeof f, kind, 0, 0, 0, NULL};
    streams->send(s, &f);
}

static void on_frame(void* self, weft_stream* s, const weft_frame* f) {
    (void)self;
    switch (f->kind) {
        case WEFT_DATA: {
            /* Every slice is borrowed; sending keeps what the other side still needs. */
            const weft_data* in = (const weft_data*)f;
            weft_data out = *in;
            out.reserved = streams->padding(s);
            for (uint32_t i = 0; i < in->iovcnt; ++i) out.reserved += in->iov[i].len;
            streams->send(s, &out.h);
            return;
        }
        case WEFT_WINDOW: {
            /* What the peer takes from us is what we take from it. */
            weft_window w = {{sizeof w, WEFT_WINDOW, 0, 0, 0, NULL}, 0, 0, 0, 0, 0, 0};
            w.acknowledge = streams->received(s);
            w.maximum = streams->credit(s);
            w.padding = streams->padding(s);
            streams->send(s, &w.h);
            return;
        }
        case WEFT_END:
        case WEFT_ABORT:
        case WEFT_RESET:
            bare(s, f->kind);
            return;
        default: /* BEGIN does not come to an accepter; what a newer host sends is ignored */
            return;
    }
}

/* The last call about this stream: here it is freed, nowhere else. */
static void on_closed(void* self, weft_stream* s) {
    struct connection* c = self;
    (void)s;
    *c->to_this = c->next;
    if (c->next) c->next->to_this = c->to_this;
    free(c);
}

static int32_t create(void* plugin, const char* config, void** binding, weft_error* e) {
    (void)config;
    (void)e;
    *binding = plugin;
    return WEFT_OK;
}

static int32_t attach(void* binding, weft_worker* w, void** instance, weft_error* e) {
    (void)binding;
    (void)w;
    *instance = calloc(1, sizeof(struct instance));
    if (*instance) return WEFT_OK;
    e->code = WEFT_E_NOMEM;
    return WEFT_E_NOMEM;
}

static int32_t accept_stream(void* instance, weft_stream* s, const weft_begin* b,
                             const weft_endpoint_vt** vt, void** self) {
    static const weft_endpoint_vt endpoint = {sizeof endpoint, 0, on_frame, on_closed};
    weft_begin reply = {{sizeof reply, WEFT_BEGIN, 0, b->h.trace_id, 0, b->h.meta}, 0, 0};
    struct instance* i = instance;
    struct connection* c = malloc(sizeof *c);
    if (!c) return WEFT_E_NOMEM;
    c->stream = s;
    c->next = i->first;
    c->to_this = &i->first;
    if (c->next) c->next->to_this = &c->next;
    i->first = c;
    streams->send(s, &reply.h);
    *vt = &endpoint;
    *self = c;
    return WEFT_OK;
}

static void drain(void* instance, uint32_t why, uint64_t deadline_ns) {
    const struct instance* i = instance;
    (void)deadline_ns;
    if (why != WEFT_DRAIN_STOP) return; /* after a reload streams go on until they end */
    for (const struct connection* c = i->first; c; c = c->next) bare(c->stream, WEFT_END);
}

static void detach(void* instance) {
    free(instance);
}

static void nothing(void* p) {
    (void)p;
}

static int32_t init(weft_host* h, const weft_host_vt* vt, void** plugin, weft_error* e) {
    streams = vt->get(h, WEFT_STREAMS);
    if (!streams) {
        e->code = WEFT_E_UNSUPPORTED;
        strcpy(e->text, "the host lacks weft.streams/1");
        return WEFT_E_UNSUPPORTED;
    }
    *plugin = &streams; /* any address will do */
    return WEFT_OK;
}

static const void* extension(void* plugin, const char* id) {
    (void)plugin;
    (void)id;
    return NULL;
}

static const weft_binding_vt binding = {
    sizeof binding, WEFT_SERVER,   "c-echo", "{\"kinds\": {\"server\": {\"exit\": \"forbidden\"}}}",
    NULL,           NULL,          create,   nothing,
    attach,         accept_stream, drain,    detach,
};
static const weft_binding_vt* const bindings[] = {&binding, NULL};
static const weft_plugin plugin = {
    sizeof plugin, WEFT_ABI_MAJOR, WEFT_ABI_MINOR, 0,       "c-echo",
    "0.1.0",       bindings,       init,           nothing, extension,
};

__attribute__((visibility("default"))) const weft_plugin* weft_plugin_1(void);
const weft_plugin* weft_plugin_1(void) {
    return &plugin;
}
