#include "config/inspect.hpp"

#include <unordered_map>
#include <unordered_set>

namespace weft::config {

namespace {

class inspector {
public:
    inspector(const tree& parsed, const source& from, report& to)
        : parsed_(parsed), from_(from), to_(to) {}

    void visit(const node& n, const std::string& path) {
        if (!visited_.insert(&n).second) return;  // an alias
        variables(n, path);
        for (size_t i = 0; i < n.items.size(); ++i)
            visit(*n.items[i], path + "[" + std::to_string(i) + "]");
        std::unordered_map<std::string_view, const node*> seen;
        for (const auto& m : n.members) {
            if (m.key->kind != node_kind::scalar) {
                to_.error(*m.key, path, "a key must be one word");
                visit(*m.value, path);
                continue;
            }
            if (m.key->unknown) variables(*m.key, path);
            const auto [first, fresh] = seen.emplace(m.key->text, m.key);
            if (!fresh)
                to_.error(*m.key, joined(path, m.key->text),
                          "duplicate key " + in_quotes(m.key->text) + ", first in line " +
                              std::to_string(first->second->line));
            visit(*m.value, m.key->unknown ? path : joined(path, m.key->text));
        }
    }

    // A variable in a place that became no value, such as the whole of a document.
    void unseen(const expanded_text& text) {
        for (const auto& use : text.uses) {
            if (use.missing && !told_.count(&use)) tell(use, "");
        }
    }

private:
    void variables(const node& n, const std::string& path) {
        if (!n.unknown) return;
        const auto it = parsed_.missing.find(&n);
        if (it == parsed_.missing.end()) return;
        for (const auto* use : it->second) tell(*use, path);
    }

    void tell(const expression_use& use, const std::string& path) {
        told_.insert(&use);
        // Without a variable it was no expression at all, which expand() has told.
        if (!use.variable.empty())
            to_.errors.push_back(
                {from_.at(use.source_begin), path,
                 "environment variable " + in_quotes(use.variable) + " is not set"});
    }

    const tree& parsed_;
    const source& from_;
    report& to_;
    std::unordered_set<const node*> visited_;
    std::unordered_set<const expression_use*> told_;
};

}  // namespace

void inspect(const tree& parsed, const source& from, const expanded_text& text, report& to) {
    inspector all(parsed, from, to);
    for (const node* root : parsed.roots) all.visit(*root, "");
    all.unseen(text);
}

}  // namespace weft::config
