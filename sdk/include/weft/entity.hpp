// What vaults and guards in C++ share: their configuration, and the functions of their tables.
// Included by vault.hpp and guard.hpp.
#pragma once

#include <weft/plugin.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

struct entity_config {
    std::string ns, name, type;
    nlohmann::json options;     // an object, maybe empty
    nlohmann::json properties;  // name -> text
    std::string directory, config_directory;

    std::string qualified_name() const { return ns + ":" + name; }
    // A path in the options: relative to the configuration's folder.
    std::string path_of(const std::string& given) const {
        return (std::filesystem::path(config_directory) / given).lexically_normal().string();
    }

    static entity_config parse(const char* text) {
        auto j = nlohmann::json::parse(text);
        entity_config c;
        c.ns = j.at("namespace");
        c.name = j.at("name");
        c.type = j.at("type");
        c.options = j.value("options", nlohmann::json());
        if (c.options.is_null()) c.options = nlohmann::json::object();
        c.properties = j.value("properties", nlohmann::json::object());
        const auto engine = j.value("engine", nlohmann::json::object());
        c.directory = engine.value("directory", std::string("."));
        c.config_directory = engine.value("config_directory", std::string("."));
        return c;
    }
};

// A vault or a guard: what the host asks of either.
class entity {
public:
    virtual ~entity() = default;
    // Of the content, so that a reload sees what has changed beside the options.
    virtual std::string digest() const { return {}; }
    // Whose change is one of the entity.
    virtual std::vector<std::string> files() const { return {}; }
};

namespace detail {

// The object behind a table's handle, with what the table returns pointers to.
template <class Entity>
struct entity_holder {
    explicit entity_holder(std::unique_ptr<Entity> e)
        : object(std::move(e)), digest(object->digest()), files(object->files()) {
        for (const auto& f : files) list.push_back(f.c_str());
        list.push_back(nullptr);
    }
    std::unique_ptr<Entity> object;
    std::string digest;
    std::vector<std::string> files;
    std::vector<const char*> list;
};

template <class Plugin, class Entity>
struct entity_table {
    using holder = entity_holder<Entity>;
    static Entity& of(void* e) { return *static_cast<holder*>(e)->object; }

    static int32_t init(weft_host* h, const weft_host_vt* vt, void** out, weft_error* e) {
        if (const int32_t rc = bind_services(h, vt, e); rc != WEFT_OK) return rc;
        return guarded(e, [&] { *out = new Plugin(); });
    }
    static void deinit(void* plugin) {
        logged("deinit", [&] { delete static_cast<Plugin*>(plugin); });
    }
    static int32_t create(void* plugin, const char* json, void** out, weft_error* e) {
        return guarded(e, [&] {
            *out = new holder(static_cast<Plugin*>(plugin)->create(entity_config::parse(json)));
        });
    }
    static void destroy(void* e) {
        logged("destroy", [&] { delete static_cast<holder*>(e); });
    }
    static const char* digest(void* e) { return static_cast<holder*>(e)->digest.c_str(); }
    static const char* const* files(void* e) { return static_cast<holder*>(e)->list.data(); }
};

}  // namespace detail
}  // namespace weft

#define WEFT_ENTITY_PLUGIN(P, TABLE)                                                              \
    extern "C" __attribute__((visibility("default"))) const weft_plugin* weft_plugin_1(void) {    \
        using table = TABLE;                                                                      \
        static const weft_plugin plugin{                                                          \
            sizeof(weft_plugin), WEFT_ABI_MAJOR, WEFT_ABI_MINOR, 0, P::type, P::version, nullptr, \
            table::init,         table::deinit,  table::get};                                     \
        return &plugin;                                                                           \
    }
