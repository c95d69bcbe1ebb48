#include "config/load.hpp"

#include "config/inspect.hpp"
#include "config/limits.hpp"
#include "config/reader.hpp"

#include <algorithm>
#include <tuple>

namespace weft::config {

namespace {

void put_in_order(std::vector<problem>& problems) {
    const auto key = [](const problem& p) {
        return std::tie(p.where.line, p.where.column, p.path, p.text);
    };
    std::stable_sort(problems.begin(), problems.end(),
                     [&](const problem& a, const problem& b) { return key(a) < key(b); });
    problems.erase(
        std::unique(problems.begin(), problems.end(),
                    [&](const problem& a, const problem& b) { return key(a) == key(b); }),
        problems.end());
    if (problems.size() <= problem_count_max) return;
    const size_t more = problems.size() - problem_count_max;
    problems.resize(problem_count_max);
    problems.push_back({{problems.front().where.file, 0, 0},
                        "",
                        "and " + std::to_string(more) + " more problems"});
}

// Missing variables when YAML could not be read: which values they belong to is not known.
void unset_variables(const expanded_text& text, const source& from, report& to) {
    for (const auto& use : text.uses) {
        if (use.missing && !use.variable.empty())
            to.errors.push_back({from.at(use.source_begin), "",
                                 "environment variable '" + use.variable + "' is not set"});
    }
}

// A text that is no YAML because a variable is missing, such as a whole block: then the variable is
// the problem.
bool caused_by_missing(const expanded_text& text, const source& from, const problem& p) {
    return std::any_of(text.uses.begin(), text.uses.end(), [&](const expression_use& u) {
        return u.missing && from.at(u.source_begin).line <= p.where.line;
    });
}

void read_all(const source& from, const std::vector<plugin_info>& plugins, const environment& env,
              const load_options& options, report& to, configuration& out) {
    const expanded_text text =
        expand(from, env, options.lenient_environment, to.errors, to.warnings);
    tree parsed;
    try {
        parsed = parse_tree(from, text);
    } catch (const unreadable& e) {
        unset_variables(text, from, to);
        if (!caused_by_missing(text, from, e.details())) throw;
        return;
    }
    inspect(parsed, from, text, to);
    const installed_types installed(plugins);
    std::vector<link> links;
    reading r{installed, to, out, links, ""};
    for (const node* root : parsed.roots) {
        if (root->kind != node_kind::null || root->unknown) read_document(*root, r);
    }
    if (out.namespaces.empty() && to.errors.empty()) {
        out.namespaces.push_back({"default", {}, {}});
        to.warnings.push_back(
            {{from.name(), 0, 0}, "", "the file is empty: there is nothing to run"});
    }
    check_links(links, out, installed, to);
}

loaded finish(report& to, configuration&& config, std::string text) {
    put_in_order(to.errors);
    put_in_order(to.warnings);
    return {std::move(config), std::move(to.errors), std::move(to.warnings), std::move(text)};
}

loaded load_source(const source& from, const std::vector<plugin_info>& installed,
                   const environment& env, const load_options& options) {
    report to(from.name());
    configuration out;
    try {
        read_all(from, installed, env, options, to, out);
    } catch (const unreadable& e) {
        to.errors.push_back(e.details());
    }
    return finish(to, std::move(out), std::string(from.text()));
}

}  // namespace

loaded load(const std::string& path_or_url, const std::vector<plugin_info>& installed,
            const environment& env, const load_options& options) {
    try {
        return load_source(read_source(path_or_url), installed, env, options);
    } catch (const unreadable& e) {
        return {{}, {e.details()}, {}, {}};
    }
}

loaded load_text(std::string file, std::string text, const std::vector<plugin_info>& installed,
                 const environment& env, const load_options& options) {
    try {
        if (text.size() > file_size_max)
            throw unreadable({{file, 0, 0}, "", "is larger than a configuration may be"});
        return load_source(source(std::move(file), std::move(text)), installed, env, options);
    } catch (const unreadable& e) {
        return {{}, {e.details()}, {}, {}};
    }
}

}  // namespace weft::config
