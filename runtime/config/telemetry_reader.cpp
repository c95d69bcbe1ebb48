#include "config/limits.hpp"
#include "config/reader.hpp"
#include "config/reference.hpp"

#include <algorithm>
#include <regex>
#include <stdexcept>

namespace weft::config {

namespace {

// Plugins have metrics of their own, named after their type; which ones is known only when they
// run.
bool metric_of_a_plugin(const reading& r, const std::string& name) {
    const words types = r.installed.types("binding");
    return std::any_of(types.begin(), types.end(),
                       [&](const std::string& t) { return name.starts_with(t + "."); });
}

void read_metrics(reading& r, const member& m, const std::string& path, name_space& to) {
    if (m.value->kind != node_kind::sequence)
        return r.to.error(place_of(m), path, "expected a list of metric names");
    for (size_t i = 0; i < m.value->items.size(); ++i) {
        const node& n = *m.value->items[i];
        const std::string where = path + "[" + std::to_string(i) + "]";
        const words& names = reference::metrics();
        if (n.kind != node_kind::scalar) {
            r.to.error(n, where, "expected the name of a metric");
        } else if (std::find(to.metrics.begin(), to.metrics.end(), n.text) != to.metrics.end()) {
            r.to.error(n, where, in_quotes(n.text) + " is there twice");
        } else if (std::find(names.begin(), names.end(), n.text) != names.end() ||
                   metric_of_a_plugin(r, n.text)) {
            to.metrics.push_back(n.text);
        } else if (reference::knows_metric(n.text)) {
            r.to.error(n, where,
                       "metric " + in_quotes(n.text) +
                           " is known to Zilla but not supported here; it is not a typo" +
                           allowed(names));
        } else {
            r.to.error(n, where,
                       "unknown metric " + in_quotes(n.text) + did_you_mean(n.text, names) +
                           allowed(names));
        }
    }
}

void read_attributes(reading& r, const member& m, const std::string& path, name_space& to) {
    const section all(r.to, *m.value, path);
    for (const auto& a : m.value->members) {
        if (a.value->kind != node_kind::scalar)
            r.to.error(place_of(a), all.path(a.key->text), "expected text");
        to.attributes[a.key->text] = a.value->text;
    }
}

}  // namespace

void read_telemetry(reading& r, const member& m, name_space& to) {
    section keys(r.to, *m.value, "telemetry");
    if (const member* attributes = keys.take("attributes"))
        read_attributes(r, *attributes, keys.path("attributes"), to);
    if (const member* metrics = keys.take("metrics"))
        read_metrics(r, *metrics, keys.path("metrics"), to);
    if (const member* exporters = keys.take("exporters"))
        read_entities(r, *exporters, keys.path("exporters"), "exporter", r.out.exporters);
    keys.refuse_rest();
}

bool metric_matches(const std::string& expression, const std::vector<std::string>& names) {
    if (expression.size() > regex_size_max)
        throw std::length_error("longer than " + std::to_string(regex_size_max) + " characters");
    auto flags = std::regex::ECMAScript;
#ifdef __GLIBCXX__
    // Breadth first: the time does not explode for expressions such as (a*)*b.
    flags |= std::regex_constants::__polynomial;
#endif
    const std::regex compiled(expression, flags);
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return std::regex_match(name, compiled); });
}

}  // namespace weft::config
