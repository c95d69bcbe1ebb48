// A plugin in C++: a struct that describes a binding type and makes bindings, and one macro.
//
//   struct echo_plugin {
//       static constexpr const char* type = "echo";
//       static constexpr const char* version = "1.0.0";
//       static constexpr uint32_t kinds = WEFT_SERVER;
//       static constexpr const char* schema = weft::schema_json;
//       static constexpr const char* accepts[] = {nullptr};   // NULL-ended; only a null: any
//       static constexpr const char* emits[] = {nullptr};
//       std::unique_ptr<weft::binding> create(weft::binding_config config);   // throws
//       weft::config_error static const void* extension(void* plugin, const char* id);           //
//       optional
//   };
//   WEFT_PLUGIN(echo_plugin)
//
// The struct itself is the plugin's process-wide state: made in init, destroyed in deinit, on the
// control thread.
#pragma once

#include <weft/config.hpp>
#include <weft/worker.hpp>

#include <cstdio>
#include <memory>
#include <utility>

namespace weft {

// A binding on one worker. Everything in it happens on that worker's thread.
class instance {
public:
    virtual ~instance() = default;  // detach: after the last on_closed
    // The endpoint that takes this stream, or nullptr to refuse it. It frees itself in on_closed.
    virtual endpoint* accept(stream s, const weft_begin& b) = 0;
    // Take nothing new and end own long-lived streams; see weft_binding_vt.drain and enum
    // weft_drain_reason.
    virtual void drain(uint32_t why, uint64_t deadline_ns) { (void)why, (void)deadline_ns; }
};

// One configured binding, on the control thread except for attach.
class binding {
public:
    virtual ~binding() = default;  // may block
    virtual std::unique_ptr<instance> attach(
        worker w) = 0;  // [worker] throws config_error or any std::exception
};

// A binding that is nothing but its configuration: each worker gets an Instance(worker, const
// binding_config&).
template <class Instance>
class binding_of : public binding {
public:
    explicit binding_of(binding_config c) : config_(std::move(c)) {}
    std::unique_ptr<instance> attach(worker w) override {
        return std::make_unique<Instance>(w, config_);
    }

private:
    const binding_config config_;
};

// A plugin of one such binding, with any metadata. Derive from it and add type, version, kinds and
// schema.
template <class Instance>
struct plugin_of {
    static constexpr const char* accepts[] = {nullptr};
    static constexpr const char* emits[] = {nullptr};
    std::unique_ptr<binding> create(binding_config c) {
        return std::make_unique<binding_of<Instance>>(std::move(c));
    }
};

namespace detail {

inline int32_t fail(weft_error* e, int32_t code, const char* path, const char* text) {
    if (e) {
        e->code = code;
        std::snprintf(e->path, sizeof e->path, "%s", path);
        std::snprintf(e->text, sizeof e->text, "%s", text);
    }
    return code;
}

template <class F>
int32_t guarded(weft_error* e, F&& f) noexcept {
    try {
        f();
        return WEFT_OK;
    } catch (const config_error& x) {
        return fail(e, WEFT_E_INVALID, x.path().c_str(), x.what());
    } catch (const std::bad_alloc&) {
        return fail(e, WEFT_E_NOMEM, "", "out of memory");
    } catch (const std::exception& x) {
        return fail(e, WEFT_E_INTERNAL, "", x.what());
    } catch (...) {
        return fail(e, WEFT_E_INTERNAL, "", "unknown exception");
    }
}

// For calls that have no way to report: what went wrong is logged. False when f threw.
template <class F>
bool logged(const char* call, F&& f) noexcept {
    weft_error e{};
    if (guarded(&e, std::forward<F>(f)) == WEFT_OK) return true;
    char text[sizeof e.text + 32];
    std::snprintf(text, sizeof text, "%s: %s", call, e.text);
    log(WEFT_ERROR, text);
    return false;
}

template <class T>
const T* service(weft_host* h, const weft_host_vt* vt, const char* id) {
    return static_cast<const T*>(vt->get(h, id));
}

inline int32_t bind_services(weft_host* h, const weft_host_vt* vt, weft_error* e) {
    services = {h,
                vt,
                service<weft_streams_vt>(h, vt, WEFT_STREAMS),
                service<weft_buffers_vt>(h, vt, WEFT_BUFFERS),
                service<weft_reactor_vt>(h, vt, WEFT_REACTOR),
                service<weft_listeners_vt>(h, vt, WEFT_LISTENERS),
                service<weft_tasks_vt>(h, vt, WEFT_TASKS),
                service<weft_events_vt>(h, vt, WEFT_EVENTS),
                service<weft_metrics_vt>(h, vt, WEFT_METRICS),
                service<weft_shared_vt>(h, vt, WEFT_SHARED),
                service<weft_vaults_vt>(h, vt, WEFT_VAULTS),
                service<weft_guards_vt>(h, vt, WEFT_GUARDS)};
    if (!services.streams || !services.buffers || !services.reactor || !services.events)
        return fail(
            e, WEFT_E_UNSUPPORTED, "",
            "the host lacks a service that this plugin needs (streams, buffers, reactor, events)");
    return WEFT_OK;
}

template <class Plugin>
struct binding_table {
    static int32_t create(void* plugin, const char* json, void** out, weft_error* e) {
        return guarded(e, [&] {
            *out = static_cast<Plugin*>(plugin)->create(binding_config::parse(json)).release();
        });
    }
    static void destroy(void* b) {
        logged("destroy", [&] { delete static_cast<binding*>(b); });
    }
    static int32_t attach(void* b, weft_worker* w, void** out, weft_error* e) {
        return guarded(e, [&] { *out = static_cast<binding*>(b)->attach(worker{w}).release(); });
    }
    static int32_t accept(void* i, weft_stream* s, const weft_begin* b, const weft_endpoint_vt** vt,
                          void** self) {
        endpoint* ep = nullptr;
        if (!logged("accept", [&] { ep = static_cast<instance*>(i)->accept(stream{s}, *b); }))
            return WEFT_E_INTERNAL;
        if (!ep) return WEFT_E_INVALID;
        *vt = endpoint::table();
        *self = ep;
        return WEFT_OK;
    }
    static void drain(void* i, uint32_t why, uint64_t deadline_ns) {
        logged("drain", [&] { static_cast<instance*>(i)->drain(why, deadline_ns); });
    }
    static void detach(void* i) {
        logged("detach", [&] { delete static_cast<instance*>(i); });
    }
    static int32_t init(weft_host* h, const weft_host_vt* vt, void** out, weft_error* e) {
        if (const int32_t rc = bind_services(h, vt, e); rc != WEFT_OK) return rc;
        return guarded(e, [&] { *out = new Plugin(); });
    }
    static void deinit(void* plugin) {
        logged("deinit", [&] { delete static_cast<Plugin*>(plugin); });
    }
    static const void* get(void* plugin, const char* id) {
        if constexpr (requires { Plugin::extension(plugin, id); })
            return Plugin::extension(plugin, id);
        return nullptr;
    }
};

}  // namespace detail
}  // namespace weft

#define WEFT_PLUGIN(P)                                                                             \
    extern "C" __attribute__((visibility("default"))) const weft_plugin* weft_plugin_1(void) {     \
        using table = weft::detail::binding_table<P>;                                              \
        static const weft_binding_vt binding{sizeof(weft_binding_vt),                              \
                                             P::kinds,                                             \
                                             P::type,                                              \
                                             P::schema,                                            \
                                             P::accepts[0] ? P::accepts : nullptr,                 \
                                             P::emits[0] ? P::emits : nullptr,                     \
                                             table::create,                                        \
                                             table::destroy,                                       \
                                             table::attach,                                        \
                                             table::accept,                                        \
                                             table::drain,                                         \
                                             table::detach};                                       \
        static const weft_binding_vt* const bindings[] = {&binding, nullptr};                      \
        static const weft_plugin plugin{                                                           \
            sizeof(weft_plugin), WEFT_ABI_MAJOR, WEFT_ABI_MINOR, 0, P::type, P::version, bindings, \
            table::init,         table::deinit,  table::get};                                      \
        return &plugin;                                                                            \
    }
