#include "config/reader.hpp"

#include "config/reference.hpp"

namespace weft::config {

namespace {

// Lets every key of a mapping of named things be read.
template <class Read>
void each_named(reading& r, const member& m, const std::string& path, Read&& read) {
    if (m.value->kind == node_kind::null && !m.value->unknown)
        return;  // "bindings:" with nothing below
    const section keys(r.to, *m.value, path);
    for (const auto& entry : m.value->members) {
        if (entry.key->kind != node_kind::scalar || entry.key->unknown) continue;
        if (!is_name(entry.key->text)) {
            r.to.error(*entry.key, keys.path(entry.key->text),
                       in_quotes(entry.key->text) +
                           " is no name (a letter, then letters, digits, '.', '_' or '-')");
        }
        read(entry, keys.path(entry.key->text));
    }
}

std::string read_name(reading& r, section& top) {
    const auto name = top.take_text("name");
    if (!name) {
        if (top.self().is_mapping() && !top.self().find_member("name"))
            r.to.error(top.self(), "", "'name' is required: the name of this namespace");
        return "default";
    }
    const member& m = *top.self().find_member("name");
    if (!is_name(*name))
        r.to.error(
            *m.value, "name",
            in_quotes(*name) + " is no name (a letter, then letters, digits, '.', '_' or '-')");
    if (*name == "sys") r.to.error(*m.value, "name", "'sys' is reserved for the engine");
    for (const auto& n : r.out.namespaces) {
        if (n.name == *name)
            r.to.error(*m.value, "name",
                       "namespace " + in_quotes(*name) + " is there twice in this file");
    }
    return *name;
}

// Catalogs only serve models, which do not exist here; a binding that uses one is refused, a
// declared one is not.
void read_catalogs(reading& r, const member& m) {
    each_named(r, m, "catalogs", [&](const member& entry, const std::string& path) {
        section keys(r.to, *entry.value, path);
        keys.take("type");
        keys.take("vault");
        keys.take("options");
        keys.refuse_rest();
        r.to.warn(*entry.key, path, "catalogs are not supported: nothing can use it");
    });
}

}  // namespace

void read_document(const node& root, reading& r) {
    section top(r.to, root, "");
    if (!root.is_mapping()) return;
    name_space ns{read_name(r, top), {}, {}};
    r.ns = ns.name;
    // Telemetry first: bindings refer to its metrics.
    if (const member* m = top.take("telemetry")) read_telemetry(r, *m, ns);
    r.out.namespaces.push_back(std::move(ns));
    if (const member* m = top.take("vaults")) read_entities(r, *m, "vaults", "vault", r.out.vaults);
    if (const member* m = top.take("guards")) read_entities(r, *m, "guards", "guard", r.out.guards);
    if (const member* m = top.take("stores")) read_entities(r, *m, "stores", "store", r.out.stores);
    if (const member* m = top.take("catalogs")) read_catalogs(r, *m);
    if (const member* m = top.take("bindings")) {
        each_named(r, *m, "bindings", [&](const member& entry, const std::string& path) {
            read_binding(r, entry, path);
        });
    }
    top.refuse_rest();
}

void read_entities(reading& r, const member& m, const std::string& section_path,
                   const std::string& role, std::vector<entity>& to) {
    each_named(r, m, section_path, [&](const member& entry, const std::string& path) {
        section keys(r.to, *entry.value, path);
        entity e = read_entity(r, entry, keys, role);
        const member* options = keys.take("options");
        if (const auto now = reference::renamed(role, e.type);
            !now.empty() && !r.installed.find(role, e.type))
            e.type = now;
        // A store of type memory has no options and needs no plugin: it is where sessions of one
        // process live.
        const bool memory = role == "store" && e.type == "memory";
        if (memory && options)
            r.to.error(*options->key, keys.path("options"),
                       "a store of type 'memory' has no options");
        if (!memory && !e.type.empty()) {
            const std::string refusal = r.installed.refusal(role, e.type);
            if (!refusal.empty())
                r.to.error(*entry.value->find("type"), keys.path("type"), refusal);
            const plugin_info* plugin = r.installed.find(role, e.type);
            if (refusal.empty() && !plugin->schema.empty()) {
                const auto schema = nlohmann::json::parse(plugin->schema, nullptr, false);
                if (schema.is_discarded()) {
                    r.to.error(*entry.value->find("type"), keys.path("type"),
                               "the schema of " + plugin->file + " is no JSON");
                } else {
                    check_part(r, {schema, nlohmann::json::object()}, options, *entry.key,
                               keys.path("options"), e.type);
                }
            }
        }
        if (role == "exporter" || role == "guard") {
            const char* reference = role == "exporter" ? "vault" : "store";
            if (const auto name = keys.take_text(reference)) {
                const auto kind = role == "exporter" ? link_kind::vault : link_kind::store;
                refer(r, kind, *entry.value->find(reference), *name, keys.path(reference));
            }
        }
        if (role == "guard") keys.take("kind");
        keys.refuse_rest();
        to.push_back(std::move(e));
    });
}

}  // namespace weft::config
