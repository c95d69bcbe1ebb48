// From the tree of one document to the model. The readers below it take one kind of thing each; all
// of them go on after a problem, so that a user sees every problem at once.
#pragma once

#include "config/installed.hpp"
#include "config/links.hpp"
#include "config/report.hpp"

#include <string>
#include <vector>

namespace weft::config {

// What readers share while one file is read.
struct reading {
    const installed_types& installed;
    report& to;
    configuration& out;
    std::vector<link>& links;
    std::string ns;
};

void read_document(const node& root, reading& r);

// The common part of everything that has a name and a type: nothing when there is nothing to read
// further.
entity read_entity(reading& r, const member& m, section& keys, const std::string& role);

// `options` of an entity against the schema of its plugin, which is not installed when `schema` is
// null.
struct part_schema {
    const nlohmann::json& schema;
    const nlohmann::json& definitions;
};
// Reports what is wrong with `value` (absent: null), which stands at `path` below `parent`.
void check_part(reading& r, const part_schema& schema, const member* part, const node& parent,
                const std::string& path, const std::string& type);

// Remembers the places of a value and all below it.
void remember_places(const report& to, const member& m, const std::string& pointer,
                     std::map<std::string, location>& places);
void remember_places(const report& to, const node& n, const std::string& pointer,
                     std::map<std::string, location>& places);

// Notes that `target` is referred to, unless it is no text.
void refer(reading& r, link_kind kind, const node& at, const std::string& target,
           const std::string& path, std::optional<std::size_t> from = std::nullopt);

void read_binding(reading& r, const member& m, const std::string& path);
void read_telemetry(reading& r, const member& m, name_space& to);
// Vaults, guards, stores and exporters; `section_path` is where they stand ("guards").
void read_entities(reading& r, const member& m, const std::string& section_path,
                   const std::string& role, std::vector<entity>& to);

// The regular expressions in a binding's telemetry.metrics, matched against the names that the
// namespace lists.
bool metric_matches(const std::string& expression, const std::vector<std::string>& names);

}  // namespace weft::config
