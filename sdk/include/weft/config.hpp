// A binding's configuration as the host hands it over: see weft_binding_vt.create.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

// Thrown while a binding is created: `path` is a JSON pointer into the configuration
// ("/options/port/0").
class config_error : public std::runtime_error {
public:
    config_error(std::string path, const std::string& text)
        : std::runtime_error(text), path_(std::move(path)) {}
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

struct route_config {
    nlohmann::json guarded, when, with;  // null when absent
    uint64_t exit = 0;                   // 0: none
    std::string exit_name;
};

struct binding_config {
    std::string ns, name, type, kind;
    std::string vault;       // qualified, empty when it names none
    nlohmann::json options;  // an object, maybe empty
    std::vector<route_config>
        routes;                 // in file order; the binding's own exit is the last, without `when`
    nlohmann::json properties;  // name -> text
    std::string directory, config_directory, cache_directory, instance;
    uint32_t workers = 1;

    std::string qualified_name() const { return ns + ":" + name; }
    // "namespace:name" of a guard or vault that is named in the options or routes.
    std::string qualified(const std::string& other) const {
        return other.find(':') == std::string::npos ? ns + ":" + other : other;
    }

    // A path in the options: relative to the configuration's folder.
    std::string path_of(const std::string& given) const {
        return (std::filesystem::path(config_directory) / given).lexically_normal().string();
    }

    std::string property(std::string_view key, std::string fallback) const {
        const auto it = properties.find(std::string(key));
        return it == properties.end() ? std::move(fallback) : it->get<std::string>();
    }
    // An integer property; anything else is a config_error that names it.
    int64_t property(std::string_view key, int64_t fallback) const {
        const auto it = properties.find(std::string(key));
        if (it == properties.end()) return fallback;
        const auto text = it->get<std::string>();
        size_t used = 0;
        try {
            const auto v = std::stoll(text, &used);
            if (used == text.size()) return v;
        } catch (const std::exception&) {
            used = 0;
        }
        throw config_error(
            "", "property " + std::string(key) + ": '" + text + "' is not a whole number");
    }

    static binding_config parse(const char* text) {
        auto j = nlohmann::json::parse(text);
        binding_config c;
        c.ns = j.at("namespace");
        c.name = j.at("name");
        c.type = j.at("type");
        c.kind = j.at("kind");
        if (const auto v = j.find("vault"); v != j.end() && v->is_string()) c.vault = *v;
        c.options = j.value("options", nlohmann::json::object());
        if (c.options.is_null()) c.options = nlohmann::json::object();
        for (auto& r : j.value("routes", nlohmann::json::array())) {
            c.routes.push_back({r.value("guarded", nlohmann::json()),
                                r.value("when", nlohmann::json()),
                                r.value("with", nlohmann::json()), r.value("exit", uint64_t{0}),
                                r.value("exit_name", std::string())});
        }
        c.properties = j.value("properties", nlohmann::json::object());
        const auto engine = j.value("engine", nlohmann::json::object());
        c.directory = engine.value("directory", std::string("."));
        c.config_directory = engine.value("config_directory", std::string("."));
        c.cache_directory = engine.value("cache_directory", c.directory + "/cache");
        c.instance = engine.value("instance", std::string());
        c.workers = engine.value("workers", 1u);
        return c;
    }
};

}  // namespace weft
