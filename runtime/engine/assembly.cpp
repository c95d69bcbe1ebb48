#include "engine/assembly.hpp"

#include "engine/engine.hpp"
#include "loader/plugin_library.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace weft {

using nlohmann::json;

std::shared_ptr<plugin_library> plugin_libraries::load(const std::string& file,
                                                       std::string& digest) {
    const plugin_copy copy = files_.copy(file);
    digest = copy.digest;
    auto& known = loaded_[copy.path];
    if (auto library = known.lock()) return library;
    try {
        auto library = std::make_shared<plugin_library>(copy.path, host_,
                                                        [this, copy] { files_.remove(copy); });
        known = library;
        return library;
    } catch (const plugin_error& e) {
        files_.remove(copy);
        // The user knows the installed file, not our copy.
        std::string text = e.what();
        if (const auto at = text.find(copy.path); at != std::string::npos)
            text.replace(at, copy.path.size(), file);
        throw plugin_error(text);
    }
}

void assembler::name_all(const std::vector<config::binding>& bindings) {
    for (const auto& b : bindings) ids_.emplace(b.qualified_name(), ids_.size() + 1);
}

// The plugin of an entity; null, with the problem recorded, when there is none that can be used.
const assembler::loaded* assembler::load(const std::string& role, const config::entity& e) {
    const plugin_info* info = nullptr;
    for (const auto& p : plugins_)
        if (p.role == role && p.type == e.type && (!info || !info->error.empty())) info = &p;
    if (!info) {
        problem(e, "/type", fmt::format("no plugin for type '{}' is installed", e.type));
        return nullptr;
    }
    if (!info->error.empty()) {
        problem(e, "/type", info->error);
        return nullptr;
    }
    if (const auto it = files_.find(info->file); it != files_.end()) return &it->second;
    try {
        loaded l{info->file, {}, nullptr};
        l.library = libraries_.load(l.file, l.digest);
        return &files_.emplace(l.file, std::move(l)).first->second;
    } catch (const plugin_error& x) {
        problem(e, "/type", x.what());
        return nullptr;
    }
}

std::string assembler::config_json(const config::binding& b) const {
    json routes = json::array();
    for (const auto& r : b.routes) {
        json route = json::object();
        if (!r.guarded.is_null()) route["guarded"] = r.guarded;
        if (!r.when.is_null()) route["when"] = r.when;
        if (!r.with.is_null()) route["with"] = r.with;
        const auto it = ids_.find(r.exit);
        route["exit"] = it == ids_.end() ? 0 : it->second;
        route["exit_name"] = r.exit;
        routes.push_back(std::move(route));
    }
    const json engine = {{"directory", options_.directory},
                         {"config_directory", options_.config_directory},
                         {"cache_directory", options_.cache_directory},
                         {"workers", options_.workers},
                         {"instance", options_.instance}};
    return json{{"namespace", b.ns},
                {"name", b.name},
                {"type", b.type},
                {"kind", b.kind},
                {"vault", b.vault.empty() ? json() : json(b.vault)},
                {"options", b.options.is_null() ? json::object() : b.options},
                {"routes", std::move(routes)},
                {"properties", options_.properties},
                {"engine", engine}}
        .dump();
}

std::unique_ptr<binding_runtime> assembler::plan(const config::binding& b) {
    auto out = std::make_unique<binding_runtime>();
    out->config = b;
    out->name = b.qualified_name();
    out->id = ids_.at(out->name);
    const auto* from = load("binding", b);
    if (!from) return nullptr;
    out->plugin = from->library;
    out->file = from->file;
    out->fingerprint = from->digest + config_json(b);
    out->vt = out->plugin->find_binding(b.type);
    if (!out->vt) {
        problem(b, "/type", fmt::format("{} has no binding type '{}'", out->file, b.type));
        return nullptr;
    }
    return out;
}

bool assembler::create(binding_runtime& b) {
    weft_error error{};
    const auto text = config_json(b.config);
    auto& vaults = b.plugin->host().services->vaults();
    vaults.set_creating(&b);
    const int32_t rc = b.vt->create(b.plugin->plugin(), text.c_str(), &b.object, &error);
    vaults.set_creating(nullptr);
    if (rc == WEFT_OK) return true;
    vaults.forget(&b);
    b.object = nullptr;
    problem(b.config, error.path, error.text);
    return false;
}

// Exporters, vaults and guards have a table each, of one shape.
template <class Table>
std::shared_ptr<entity_runtime<Table>> assembler::plan_entity(const config::entity& e,
                                                              const char* role,
                                                              const char* extension) {
    const auto* from = load(role, e);
    if (!from) return nullptr;
    auto out = std::make_shared<entity_runtime<Table>>();
    out->config = e;
    out->plugin = from->library;
    out->vt = static_cast<const Table*>(out->plugin->extension(extension));
    if (!out->vt) {
        problem(e, "/type", fmt::format("{} has no {}", from->file, role));
        return nullptr;
    }
    out->fingerprint = from->digest + entity_json(e);
    return out;
}

std::string assembler::entity_json(const config::entity& e) const {
    const json engine = {{"directory", options_.directory},
                         {"config_directory", options_.config_directory}};
    return json{{"namespace", e.ns},    {"name", e.name},   {"type", e.type},
                {"options", e.options}, {"engine", engine}, {"properties", options_.properties}}
        .dump();
}

template <class Table>
bool assembler::create_entity(entity_runtime<Table>& e) {
    const auto text = entity_json(e.config);
    weft_error error{};
    if (e.vt->create(e.plugin->plugin(), text.c_str(), &e.object, &error) == WEFT_OK) return true;
    e.object = nullptr;
    problem(e.config, error.path, error.text);
    return false;
}

std::shared_ptr<exporter_runtime> assembler::plan_exporter(const config::entity& e) {
    return plan_entity<weft_exporter_vt>(e, "exporter", WEFT_EXPORTER);
}

bool assembler::create_exporter(exporter_runtime& e) {
    return create_entity(e);
}

// Made anew to see what they hold now, files included. What holds the same as before stays.
template <class Table>
entity_map<Table> assembler::make_entities(const std::vector<config::entity>& of, const char* role,
                                           const char* extension,
                                           const entity_map<Table>& running) {
    entity_map<Table> out;
    for (const auto& e : of) {
        auto made = plan_entity<Table>(e, role, extension);
        if (!made || !create_entity(*made)) continue;
        const auto before = running.find(e.qualified_name());
        const bool same = before != running.end() &&
                          before->second->fingerprint == made->fingerprint &&
                          before->second->digest() == made->digest();
        out.emplace(e.qualified_name(), same ? before->second : std::move(made));
    }
    return out;
}

vault_map assembler::make_vaults(const config::configuration& c, const vault_map& running) {
    return make_entities<weft_vault_vt>(c.vaults, "vault", WEFT_VAULT, running);
}

guard_map assembler::make_guards(const config::configuration& c, const guard_map& running) {
    return make_entities<weft_guard_vt>(c.guards, "guard", WEFT_GUARD, running);
}

}  // namespace weft
