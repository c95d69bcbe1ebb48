// An exporter plugin in C++: a struct that describes the type and makes exporters, and one macro.
//
//   struct stdout_plugin {
//       static constexpr const char* type = "stdout";
//       static constexpr const char* version = "1.0.0";
//       static constexpr const char* schema = nullptr;  // JSON Schema of `options`; nullptr: they
//       are ignored std::unique_ptr<weft::exporter> create(weft::exporter_config config);  //
//       throws weft::config_error
//   };
//   WEFT_EXPORTER_PLUGIN(stdout_plugin)
//
// The struct itself is the plugin's process-wide state: made in init, destroyed in deinit.
#pragma once

#include <weft/plugin.hpp>

#include <string_view>

namespace weft {

struct exporter_config {
    std::string ns, name, type;
    nlohmann::json options;  // an object, maybe empty

    static exporter_config parse(const char* text) {
        auto j = nlohmann::json::parse(text);
        exporter_config c{j.at("namespace"), j.at("name"), j.at("type"),
                          j.value("options", nlohmann::json::object())};
        if (c.options.is_null()) c.options = nlohmann::json::object();
        return c;
    }
};

// Receives events, in order of time, from one thread at a time that is no worker: it may block.
class exporter {
public:
    virtual ~exporter() = default;
    virtual void on_event(const weft_event& e) = 0;
};

namespace detail {

template <class Plugin>
struct exporter_table {
    static int32_t init(weft_host* h, const weft_host_vt* vt, void** out, weft_error* e) {
        services.host = h;
        services.vt = vt;
        services.shared = service<weft_shared_vt>(h, vt, WEFT_SHARED);
        return guarded(e, [&] { *out = new Plugin(); });
    }
    static void deinit(void* plugin) {
        logged("deinit", [&] { delete static_cast<Plugin*>(plugin); });
    }
    static int32_t create(void* plugin, const char* json, void** out, weft_error* e) {
        return guarded(e, [&] {
            *out = static_cast<Plugin*>(plugin)->create(exporter_config::parse(json)).release();
        });
    }
    static void on_event(void* x, const weft_event* ev) {
        guarded(nullptr, [&] { static_cast<exporter*>(x)->on_event(*ev); });
    }
    static void destroy(void* x) {
        guarded(nullptr, [&] { delete static_cast<exporter*>(x); });
    }
    static const void* get(void*, const char* id) {
        static const weft_exporter_vt table{sizeof table, 0,        Plugin::type, Plugin::schema,
                                            create,       on_event, destroy};
        return std::string_view(id) == WEFT_EXPORTER ? &table : nullptr;
    }
};

}  // namespace detail
}  // namespace weft

#define WEFT_EXPORTER_PLUGIN(P)                                                                   \
    extern "C" __attribute__((visibility("default"))) const weft_plugin* weft_plugin_1(void) {    \
        using table = weft::detail::exporter_table<P>;                                            \
        static const weft_plugin plugin{                                                          \
            sizeof(weft_plugin), WEFT_ABI_MAJOR, WEFT_ABI_MINOR, 0, P::type, P::version, nullptr, \
            table::init,         table::deinit,  table::get};                                     \
        return &plugin;                                                                           \
    }
