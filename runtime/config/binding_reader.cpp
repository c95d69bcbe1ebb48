#include "config/reader.hpp"
#include "config/scalar.hpp"

#include <algorithm>

namespace weft::config {

namespace {

class binding_reader {
public:
    binding_reader(reading& r, const member& m, const std::string& path)
        : r_(r), m_(m), keys_(r.to, *m.value, path), index_(r.out.bindings.size()) {}

    void read() {
        static_cast<entity&>(out_) = read_entity(r_, m_, keys_, "binding");
        if (m_.value->is_mapping()) {
            find_schema();
            vault();
            options();
            routes();
            exit();
            telemetry();
            keys_.refuse("entry", "'entry' is not allowed for any binding");
            keys_.refuse("catalog",
                         "'catalog' is known to Zilla but not supported: there are no models here");
            keys_.refuse_rest();
        }
        r_.out.bindings.push_back(std::move(out_));
    }

private:
    const node& at(std::string_view key) const { return place_of(*m_.value->find_member(key)); }

    void find_schema() {
        const auto kind = keys_.take_text("kind");
        if (kind) out_.kind = *kind;
        const std::string refusal =
            out_.type.empty() ? "" : r_.installed.refusal("binding", out_.type);
        if (!refusal.empty()) r_.to.error(at("type"), keys_.path("type"), refusal);
        const plugin_info* plugin =
            refusal.empty() ? r_.installed.find("binding", out_.type) : nullptr;
        const words kinds = plugin ? kind_names(plugin->kinds) : words{};
        if (!m_.value->find_member("kind")) {
            r_.to.error(*m_.key, keys_.path(),
                        "'kind' is required" + (plugin ? allowed(kinds) : std::string()));
        } else if (kind && plugin && std::find(kinds.begin(), kinds.end(), *kind) == kinds.end()) {
            r_.to.error(at("kind"), keys_.path("kind"),
                        "type " + in_quotes(out_.type) + " has no kind " + in_quotes(*kind) +
                            did_you_mean(*kind, kinds) + allowed(kinds));
        } else if (kind && plugin) {
            schema_of(*plugin);
        }
    }

    void schema_of(const plugin_info& plugin) {
        try {
            const binding_schema& all = r_.installed.schema(plugin);
            schema_ = all.kind(out_.kind);
            definitions_ = &all.definitions();
            if (!schema_)
                r_.to.error(at("kind"), keys_.path("kind"),
                            "the schema of type " + in_quotes(out_.type) +
                                " says nothing of its kind " + in_quotes(out_.kind));
        } catch (const schema_error& e) {
            r_.to.error(at("type"), keys_.path("type"),
                        "the schema of " + plugin.file + " cannot be used: " + e.what());
        }
    }

    std::string who() const {
        return "type " + in_quotes(out_.type) + ", kind " + in_quotes(out_.kind);
    }

    void vault() {
        const auto name = keys_.take_text("vault");
        if (!name) return;
        if (schema_ && !schema_->vault)
            return r_.to.error(at("vault"), keys_.path("vault"),
                               "a vault is not allowed for " + who());
        out_.vault = qualified(r_.ns, *name);
        refer(r_, link_kind::vault, at("vault"), *name, keys_.path("vault"));
    }

    void options() {
        const member* m = keys_.take("options");
        part(m, schema_ ? schema_->options : std::nullopt, *m_.key, keys_.path("options"),
             "options are not allowed for " + who());
        if (!m || !m->value->is_mapping()) return;
        // What is named so holds names, whatever the type: "authorization" guards, "store" a store.
        const section inner(r_.to, *m->value, keys_.path("options"));
        if (const member* a = m->value->find_member("authorization"); a && a->value->is_mapping()) {
            for (const auto& g : a->value->members)
                name_of(link_kind::guard, *g.key, inner.path("authorization"));
        }
        if (const member* s = m->value->find_member("store");
            s && s->value->kind == node_kind::scalar)
            name_of(link_kind::store, *s->value, inner.path("store"));
        guarded_expressions(*m->value, inner.path());
    }

    void name_of(link_kind kind, const node& n, const std::string& path) {
        if (n.kind == node_kind::scalar && !n.unknown)
            refer(r_, kind, n, n.text, kind == link_kind::guard ? joined(path, n.text) : path);
    }

    // Checks a part against its schema, or that it is absent where the schema has none.
    void part(const member* m, const std::optional<nlohmann::json>& schema, const node& parent,
              const std::string& path, const std::string& refusal) {
        if (!schema_) return;
        if (schema) {
            check_part(r_, {*schema, *definitions_}, m, parent, path, out_.type);
        } else if (m) {
            r_.to.error(*m->key, path, refusal);
        }
    }

    void routes() {
        const member* m = keys_.take("routes");
        if (!m) return;
        if (m->value->kind != node_kind::sequence)
            return r_.to.error(place_of(*m), keys_.path("routes"), "expected a list of routes");
        for (size_t i = 0; i < m->value->items.size(); ++i)
            one_route(*m->value->items[i], keys_.path("routes") + "[" + std::to_string(i) + "]");
    }

    void one_route(const node& n, const std::string& path) {
        section keys(r_.to, n, path);
        route to;
        if (const member* m = keys.take("guarded")) guarded(*m, keys.path("guarded"), to);
        if (const member* m = keys.take("when")) when(*m, keys.path("when"), to);
        if (const member* m = keys.take("with")) {
            part(m, schema_ ? schema_->with : std::nullopt, n, keys.path("with"),
                 "'with' is not allowed for " + who());
            guarded_expressions(*m->value, keys.path("with"));
            to.with = to_json(*m->value);
        }
        if (const auto target = keys.take_text("exit")) {
            to.exit = exit_to(*target, place_of(*n.find_member("exit")), keys.path("exit"));
        } else if (n.is_mapping() && !n.find_member("exit") && schema_ &&
                   schema_->exit == kind_schema::exit_rule::required) {
            r_.to.warn(n, path, "a route without an exit: what it matches is refused");
        }
        keys.refuse_rest();
        out_.routes.push_back(std::move(to));
    }

    void guarded(const member& m, const std::string& path, route& to) {
        const section guards(r_.to, *m.value, path);
        for (const auto& g : m.value->members) {
            if (g.key->kind != node_kind::scalar) continue;
            name_of(link_kind::guard, *g.key, path);
            const auto& roles = g.value->items;
            const bool names = std::all_of(roles.begin(), roles.end(), [](const node* role) {
                return role->kind == node_kind::scalar;
            });
            if (g.value->kind != node_kind::sequence || !names)
                r_.to.error(place_of(g), guards.path(g.key->text),
                            "expected a list of roles, [] for any");
        }
        to.guarded = to_json(*m.value);
        has_guarded_ = has_guarded_ || !m.value->members.empty();
    }

    void when(const member& m, const std::string& path, route& to) {
        if (schema_ && !schema_->when)
            return r_.to.error(*m.key, path, "'when' is not allowed for " + who());
        if (m.value->kind != node_kind::sequence)
            return r_.to.error(place_of(m), path,
                               "expected a list of conditions, one of which must hold");
        for (size_t i = 0; i < m.value->items.size(); ++i) {
            const node& item = *m.value->items[i];
            const member as_member{&item, &item};
            part(&as_member, schema_ ? schema_->when : std::nullopt, item,
                 path + "[" + std::to_string(i) + "]", "");
        }
        guarded_expressions(*m.value, path);
        to.when = to_json(*m.value);
    }

    // ${guarded['G'].identity}: an unknown guard would never match, without a word.
    void guarded_expressions(const node& n, const std::string& path) {
        static constexpr std::string_view opening = "${guarded['";
        for (size_t at = n.text.find(opening); at != std::string::npos;
             at = n.text.find(opening, at + 1)) {
            const size_t begin = at + opening.size(), end = n.text.find("']", begin);
            if (end != std::string::npos && !n.unknown)
                refer(r_, link_kind::guard, n, n.text.substr(begin, end - begin), path);
        }
        for (size_t i = 0; i < n.items.size(); ++i)
            guarded_expressions(*n.items[i], path + "[" + std::to_string(i) + "]");
        for (const auto& m : n.members) guarded_expressions(*m.value, joined(path, m.key->text));
    }

    std::string exit_to(const std::string& target, const node& n, const std::string& path) {
        if (schema_ && schema_->exit == kind_schema::exit_rule::forbidden) {
            r_.to.error(n, path, "an exit is not allowed for " + who());
            return "";
        }
        has_exit_ = true;
        refer(r_, link_kind::binding, n, target, path, index_);
        return qualified(r_.ns, target);
    }

    void exit() {
        const auto target = keys_.take_text("exit");
        if (target) {
            const std::string pointer = "/routes/" + std::to_string(out_.routes.size());
            out_.places[pointer] = out_.places[pointer + "/exit"] = r_.to.where(at("exit"));
            out_.routes.push_back(
                {nullptr, nullptr, nullptr, exit_to(*target, at("exit"), keys_.path("exit"))});
            if (has_guarded_) {
                r_.to.warn(at("exit"), keys_.path("exit"),
                           "this exit has no condition: clients that the guarded routes refuse are "
                           "let through to " +
                               in_quotes(*target));
            }
        }
        const bool unknown = depends_on_unknown(*m_.value);
        if (schema_ && schema_->exit == kind_schema::exit_rule::required && !has_exit_ &&
            !unknown) {
            r_.to.error(*m_.key, keys_.path(),
                        "'exit', or a route with an exit, is required for " + who());
        }
    }

    void telemetry() {
        const member* m = keys_.take("telemetry");
        if (!m) return;
        section inner(r_.to, *m->value, keys_.path("telemetry"));
        if (const member* metrics = inner.take("metrics"))
            metric_patterns(*metrics, inner.path("metrics"));
        if (const member* attributes = inner.take("attributes")) {
            const section all(r_.to, *attributes->value, inner.path("attributes"));
            for (const auto& a : attributes->value->members) {
                if (a.value->kind != node_kind::scalar)
                    r_.to.error(place_of(a), all.path(a.key->text), "expected text");
                out_.telemetry.attributes[a.key->text] = a.value->text;
            }
        }
        inner.refuse_rest();
    }

    void metric_patterns(const member& m, const std::string& path) {
        if (m.value->kind != node_kind::sequence)
            return r_.to.error(place_of(m), path, "expected a list of metric names");
        const auto& collected = r_.out.namespaces.back().metrics;
        for (size_t i = 0; i < m.value->items.size(); ++i) {
            const node& n = *m.value->items[i];
            const std::string where = path + "[" + std::to_string(i) + "]";
            if (n.kind != node_kind::scalar) {
                r_.to.error(n, where, "expected the name of a metric, or a regular expression");
                continue;
            }
            try {
                if (!metric_matches(n.text, collected))
                    r_.to.warn(n, where,
                               in_quotes(n.text) +
                                   " matches no metric that telemetry.metrics lists" +
                                   did_you_mean(n.text, collected));
            } catch (const std::exception& e) {
                r_.to.error(n, where, in_quotes(n.text) + " is no regular expression: " + e.what());
            }
            out_.telemetry.metrics.push_back(n.text);
        }
    }

    reading& r_;
    const member& m_;
    section keys_;
    size_t index_;
    binding out_;
    const kind_schema* schema_ =
        nullptr;  // nullptr: nothing is known of it, and nothing is said of its parts
    const nlohmann::json* definitions_ = nullptr;
    bool has_exit_ = false, has_guarded_ = false;
};

}  // namespace

void read_binding(reading& r, const member& m, const std::string& path) {
    binding_reader(r, m, path).read();
}

}  // namespace weft::config
