// A plugin with one fault, chosen by FAULT; without one it keeps every rule. Written against the C
// header alone: the C++ layer prevents half of these.
#include <weft/abi.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#define NONE 0
#define TIMER 1
#define CREDIT 2
#define THROWS 3
#define OTHER_ABI 4
#define NO_ENTRY 5
#define UNDEFINED 6
#define THREAD 7
#define BLOCKS 8
#define UNIQUE 9
#define MEMORY 10
#define DESCRIPTOR 11
#define SLICE 12
#define HALF_OPEN 13
#define CRASH 14
#define HANG 15
#define SCHEMA 16
#define KEEPS_STREAM 17
#define NO_CHECK 18
#define SILENT 19

#if FAULT == NO_ENTRY
#define ENTRY weft_plugin_0
#else
#define ENTRY weft_plugin_1
#endif

extern "C" void weft_validator_nobody_has_this();

namespace {

const weft_streams_vt* streams;
const weft_reactor_vt* reactor;
const weft_buffers_vt* buffers;
const weft_tasks_vt* tasks;

struct instance {
    weft_worker* worker;
    uint64_t timer = 0;
};

void bare(weft_stream* s, uint16_t kind) {
    const weft_frame f{sizeof f, kind, 0, 0, 0, nullptr};
    streams->send(s, &f);
}

void on_frame(void*, weft_stream* s, const weft_frame* f) {
    switch (f->kind) {
        case WEFT_DATA:
            if (FAULT == SLICE) buffers->retain(reinterpret_cast<const weft_data*>(f)->iov);
            if (FAULT == HANG)
                for (;;) ::pause();
            break;
        case WEFT_FLUSH:
            if (FAULT == CRASH) std::abort();
            break;
        case WEFT_END:
            bare(s, WEFT_END);
            break;
        case WEFT_ABORT:
        case WEFT_RESET:
            if (FAULT == HALF_OPEN) break;
            bare(s, WEFT_ABORT);
            bare(s, WEFT_RESET);
            break;
        default:
            break;
    }
}
void on_closed(void*, weft_stream*) {}
const weft_endpoint_vt endpoint{sizeof endpoint, 0, on_frame, on_closed};

int32_t accept(void*, weft_stream* s, const weft_begin* b, const weft_endpoint_vt** vt,
               void** self) {
    static int nothing;
    *vt = &endpoint;
    *self = &nothing;
    weft_begin reply{};
    reply.h = {sizeof reply, WEFT_BEGIN, 0, b->h.trace_id, 0, nullptr};
    streams->send(s, &reply.h);
    weft_window w{};
    w.h = {sizeof w, WEFT_WINDOW, 0, 0, 0, nullptr};
    w.maximum = 1 << 20;
    streams->send(s, &w.h);
    if (FAULT == CREDIT) {
        static const uint8_t byte = 'x';
        const weft_slice one{nullptr, &byte, 1, 0};
        weft_data d{};
        d.h = {sizeof d, WEFT_DATA, WEFT_INIT | WEFT_FIN, 0, 0, nullptr};
        d.reserved = d.iovcnt = 1;
        d.iov = &one;
        streams->send(s, &d.h);
    }
    if (FAULT == BLOCKS) ::usleep(3'000'000);
    return WEFT_OK;
}

int32_t fail(weft_error* e, const char* text) {
    std::snprintf(e->text, sizeof e->text, "%s", FAULT == SILENT ? "" : text);
    return e->code = WEFT_E_UNSUPPORTED;
}

int32_t create(void* plugin, const char*, void** binding, weft_error*) {
    *binding = plugin;
    return WEFT_OK;
}
void destroy(void*) {}

int32_t attach(void*, weft_worker* w, void** out, weft_error*) {
    if (FAULT == THROWS) throw std::runtime_error("attach throws");
    auto* i = new instance{w};
    i->timer = reactor->timer(
        w, reactor->now(w) + 3'600'000'000'000'000, [](void*) {}, i);
    static void* volatile forgotten;
    if (FAULT == MEMORY) forgotten = std::malloc(256);
    if (FAULT == NO_CHECK)
        tasks->run(
            w, [](void*) {}, [](void*) {}, i);
    if (FAULT == KEEPS_STREAM) {
        weft_begin b{};
        b.h = {sizeof b, WEFT_BEGIN, 0, 0, 0, nullptr};
        streams->open(w, 1, &b, &endpoint, i);
    }
    *out = i;
    return WEFT_OK;
}
void drain(void*, uint32_t, uint64_t) {}
void detach(void* self) {
    auto* i = static_cast<instance*>(self);
    if (FAULT != TIMER) reactor->cancel(i->worker, i->timer);
    delete i;
}

#if FAULT == UNIQUE
}
template <class T>
struct counted {
    static inline int count = 0;
};
int used = ++counted<int>::count;
namespace {
#endif

template <class T>
bool find(weft_host* h, const weft_host_vt* vt, const char* id, const T*& out) {
    out = static_cast<const T*>(vt->get(h, id));
    return out != nullptr;
}

int32_t init(weft_host* h, const weft_host_vt* vt, void** plugin, weft_error* e) {
    static int nothing;
    *plugin = &nothing;
    if (!find(h, vt, WEFT_STREAMS, streams) || !find(h, vt, WEFT_REACTOR, reactor) ||
        !find(h, vt, WEFT_BUFFERS, buffers))
        return fail(e, "the host lacks streams, reactor or buffers");
    find(h, vt, WEFT_TASKS, tasks);
    if (FAULT == THREAD)
        std::thread([] {
            for (;;) ::pause();
        }).detach();
    if (FAULT == DESCRIPTOR && ::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) std::abort();
    if (FAULT == UNDEFINED) weft_validator_nobody_has_this();
    return WEFT_OK;
}

const weft_binding_vt binding{sizeof binding,
                              WEFT_SERVER,
                              "broken",
                              FAULT == SCHEMA ? R"({"kinds": {"client": {"exit": "forbidden"}}})"
                                              : R"({"kinds": {"server": {"exit": "forbidden"}}})",
                              nullptr,
                              nullptr,
                              create,
                              destroy,
                              attach,
                              accept,
                              drain,
                              detach};
const weft_binding_vt* const bindings[] = {&binding, nullptr};
const weft_plugin plugin{sizeof plugin,  FAULT == OTHER_ABI ? WEFT_ABI_MAJOR + 1 : WEFT_ABI_MAJOR,
                         WEFT_ABI_MINOR, 0,
                         "broken",       "1.0.0",
                         bindings,       init,
                         nullptr,        nullptr};

}  // namespace

extern "C" __attribute__((visibility("default"))) const weft_plugin* ENTRY() {
    return &plugin;
}
