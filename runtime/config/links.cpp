#include "config/links.hpp"

#include <algorithm>
#include <unordered_map>

namespace weft::config {

namespace {

const char* word_for(link_kind kind) {
    switch (kind) {
        case link_kind::binding:
            return "binding";
        case link_kind::guard:
            return "guard";
        case link_kind::vault:
            return "vault";
        case link_kind::store:
            return "store";
    }
    return "";
}

class link_checker {
public:
    link_checker(const configuration& all, const installed_types& installed, report& to)
        : all_(all), installed_(installed), to_(to) {
        for (const auto& n : all.namespaces) namespaces_.push_back(n.name);
        for (const auto& b : all.bindings) {
            names_[link_kind::binding][b.ns].push_back(b.name);
            bindings_.emplace(b.qualified_name(), &b);
        }
        add(link_kind::guard, all.guards);
        add(link_kind::vault, all.vaults);
        add(link_kind::store, all.stores);
    }

    void check(const link& l) {
        if (!is_reference(l.target))
            return to_.error(*l.at, l.path,
                             in_quotes(l.target) + " is no name (allowed: NAME or NAMESPACE:NAME)");
        const std::string full = qualified(l.ns, l.target);
        const auto colon = full.find(':');
        const std::string ns = full.substr(0, colon), name = full.substr(colon + 1);
        const words& candidates = names_[l.kind][ns];
        if (std::find(candidates.begin(), candidates.end(), name) == candidates.end())
            return missing(l, ns, name, candidates);
        if (l.from) compatible(l, all_.bindings[*l.from], *bindings_.at(full));
    }

private:
    void add(link_kind kind, const std::vector<entity>& entities) {
        for (const auto& e : entities) names_[kind][e.ns].push_back(e.name);
    }

    void missing(const link& l, const std::string& ns, const std::string& name,
                 const words& candidates) {
        const bool known =
            std::find(namespaces_.begin(), namespaces_.end(), ns) != namespaces_.end();
        if (!known)
            return to_.error(*l.at, l.path,
                             "no namespace " + in_quotes(ns) + did_you_mean(ns, namespaces_) +
                                 " (have: " + listed(namespaces_) + ")");
        const std::string what = word_for(l.kind);
        const std::string have = candidates.empty() ? "it has none" : "have: " + listed(candidates);
        to_.error(*l.at, l.path,
                  "no " + what + " " + in_quotes(name) + " in namespace " + in_quotes(ns) +
                      did_you_mean(name, candidates) + " (" + have + ")");
    }

    void compatible(const link& l, const binding& from, const binding& to) {
        const plugin_info* opener = installed_.find("binding", from.type);
        const plugin_info* accepter = installed_.find("binding", to.type);
        if (!opener || !accepter || opener->emits.empty() || accepter->accepts.empty()) return;
        const bool common =
            std::any_of(opener->emits.begin(), opener->emits.end(), [&](const std::string& meta) {
                return std::find(accepter->accepts.begin(), accepter->accepts.end(), meta) !=
                       accepter->accepts.end();
            });
        if (common) return;
        to_.error(*l.at, l.path,
                  in_quotes(from.name) + " (" + from.type + ") cannot exit to " +
                      in_quotes(to.name) + " (" + to.type + "): it opens " + listed(opener->emits) +
                      " streams, and " + in_quotes(to.name) + " takes " +
                      listed(accepter->accepts));
    }

    const configuration& all_;
    const installed_types& installed_;
    report& to_;
    words namespaces_;
    std::map<link_kind, std::map<std::string, words>> names_;
    std::unordered_map<std::string, const binding*> bindings_;
};

}  // namespace

std::string qualified(const std::string& ns, const std::string& target) {
    return target.find(':') == std::string::npos ? ns + ":" + target : target;
}

void check_links(const std::vector<link>& links, const configuration& all,
                 const installed_types& installed, report& to) {
    link_checker checker(all, installed, to);
    for (const auto& l : links) checker.check(l);
}

}  // namespace weft::config
