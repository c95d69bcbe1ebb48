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
    if (b.vt->create(b.plugin->plugin(), text.c_str(), &b.object, &error) == WEFT_OK) return true;
    b.object = nullptr;
    problem(b.config, error.path, error.text);
    return false;
}

std::shared_ptr<exporter_runtime> assembler::plan_exporter(const config::entity& e) {
    auto out = std::make_shared<exporter_runtime>();
    out->config = e;
    const auto* from = load("exporter", e);
    if (!from) return nullptr;
    out->plugin = from->library;
    out->vt = static_cast<const weft_exporter_vt*>(out->plugin->extension(WEFT_EXPORTER));
    if (!out->vt) {
        problem(e, "/type", fmt::format("{} has no exporter", from->file));
        return nullptr;
    }
    out->fingerprint = from->digest + e.ns + e.name + e.options.dump();
    return out;
}

bool assembler::create_exporter(exporter_runtime& e) {
    const auto text = json{{"namespace", e.config.ns},
                           {"name", e.config.name},
                           {"type", e.config.type},
                           {"options", e.config.options}}
                          .dump();
    weft_error error{};
    if (e.vt->create(e.plugin->plugin(), text.c_str(), &e.object, &error) == WEFT_OK) return true;
    e.object = nullptr;
    problem(e.config, error.path, error.text);
    return false;
}

}  // namespace weft
