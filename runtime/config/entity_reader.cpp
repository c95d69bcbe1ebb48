#include "config/json_pointer.hpp"
#include "config/reader.hpp"
#include "config/reference.hpp"
#include "config/scalar.hpp"

#include <algorithm>
#include <iterator>

namespace weft::config {

namespace {

// A value found by its JSON pointer, with the way to it.
struct spot {
    const node* key = nullptr;  // nullptr in a list
    const node* value = nullptr;
    std::string path;
};

spot follow(const node& from, const node* from_key, const std::string& pointer,
            const std::string& path) {
    spot at{from_key, &from, path};
    size_t begin = 0;
    while (begin < pointer.size()) {
        const size_t end = std::min(pointer.find('/', begin + 1), pointer.size());
        const std::string token =
            unescaped(std::string_view(pointer).substr(begin + 1, end - begin - 1));
        begin = end;
        if (at.value->is_mapping()) {
            const member* m = at.value->find_member(token);
            if (!m) break;
            at = {m->key, m->value, joined(at.path, token)};
        } else {
            const bool index = !token.empty() && token.size() < 10 &&
                               std::all_of(token.begin(), token.end(),
                                           [](char c) { return c >= '0' && c <= '9'; });
            if (!index || std::stoul(token) >= at.value->items.size()) break;
            at = {nullptr, at.value->items[std::stoul(token)], at.path + "[" + token + "]"};
        }
    }
    return at;
}

// A value may come from the environment because it is a secret; then not even a wrong one is told.
bool secret(const std::string& pointer) {
    static constexpr std::string_view words_of_secrets[] = {"password", "secret", "Secret", "token",
                                                            "credential"};
    return std::any_of(std::begin(words_of_secrets), std::end(words_of_secrets),
                       [&](std::string_view w) { return pointer.find(w) != std::string::npos; });
}

std::string shown(const node& n, const nlohmann::json& value, const std::string& pointer) {
    const std::string expression = expression_in(n);
    if (!expression.empty() && value.is_null()) return expression + ", which is empty";
    if (!expression.empty() && secret(pointer)) return "the value of " + expression;
    const std::string origin = expression.empty() ? "" : " (the value of " + expression + ")";
    if (value.is_null()) return "nothing";
    if (value.is_object()) return "a mapping" + origin;
    if (value.is_array()) return "a list" + origin;
    // Written into the file, it still does not belong into a log.
    if (secret(pointer.substr(pointer.rfind('/') + 1))) return "another value";
    return (value.is_string() ? in_quotes(value.get<std::string>()) : value.dump()) + origin;
}

}  // namespace

entity read_entity(reading& r, const member& m, section& keys, const std::string& role) {
    entity e;
    e.ns = r.ns;
    e.name = m.key->text;
    e.where = r.to.where(*m.key);
    e.path = keys.path();
    if (!m.value->is_mapping()) return e;
    const auto type = keys.take_text("type");
    if (type) e.type = *type;
    if (!m.value->find_member("type"))
        r.to.error(*m.key, e.path, "'type' is required" + allowed(r.installed.types(role)));
    remember_places(r.to, *m.value, "", e.places);
    e.places.erase("");  // the entity itself is best shown at its key
    if (const node* options = m.value->find("options"); options && options->is_mapping())
        e.options = to_json(*options);
    return e;
}

void check_part(reading& r, const part_schema& schema, const member* part, const node& parent,
                const std::string& path, const std::string& type) {
    static const node nothing = [] {
        node n;
        n.kind = node_kind::mapping;
        return n;
    }();
    const node& value = part ? *part->value : nothing;
    const schema_words phrases{
        [&](const std::string& pointer, const nlohmann::json& v) {
            return shown(*follow(value, nullptr, pointer, "").value, v, path + pointer);
        },
        [&](std::string_view key) { return reference::knows_key(type, key); },
    };
    try {
        for (const auto& f : check(schema.schema, schema.definitions, to_json(value), phrases)) {
            const spot at = follow(value, part ? part->key : &parent, f.pointer, path);
            const bool some_key_unknown =
                std::any_of(at.value->members.begin(), at.value->members.end(),
                            [](const member& m) { return m.key->unknown; });
            if (f.missing ? some_key_unknown : depends_on_unknown(*at.value)) continue;
            const bool container = at.value->is_mapping() || at.value->kind == node_kind::sequence;
            const node& shown_at = at.key && (f.at_key || container) ? *at.key : *at.value;
            r.to.error(shown_at, at.path, f.text);
        }
    } catch (const schema_error& e) {
        r.to.error(parent, path,
                   "the schema of type " + in_quotes(type) + " cannot be used: " + e.what());
    }
}

void remember_places(const report& to, const node& n, const std::string& pointer,
                     std::map<std::string, location>& places) {
    places.emplace(pointer, to.where(n));
    for (size_t i = 0; i < n.items.size(); ++i)
        remember_places(to, *n.items[i], pointer + "/" + std::to_string(i), places);
    for (const auto& m : n.members) {
        if (m.key->kind == node_kind::scalar)
            remember_places(to, m, pointer + "/" + escaped(m.key->text), places);
    }
}

void remember_places(const report& to, const member& m, const std::string& pointer,
                     std::map<std::string, location>& places) {
    places.emplace(pointer, to.where(place_of(m)));
    remember_places(to, *m.value, pointer, places);
}

void refer(reading& r, link_kind kind, const node& at, const std::string& target,
           const std::string& path, std::optional<size_t> from) {
    r.links.push_back({kind, r.ns, target, &at, path, from});
}

}  // namespace weft::config
