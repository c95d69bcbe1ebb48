// The checked configuration: plain values, every name resolved, every place known.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace weft::config {

struct location {
    std::string file;
    int line = 0, column = 0;  // from 1; 0 when not known
};

// One problem in the user's words: where, what, what is allowed.
struct problem {
    location where;
    std::string
        path;  // "bindings.north_tcp_server.options.port", empty when it concerns the whole file
    std::string text;
};

// "zilla.yaml:3:5: bindings.north_tcp_server.kind: ...", what is not known left out.
std::string to_string(const problem& p);

struct route {
    nlohmann::json guarded, when, with;  // null when absent
    std::string exit;                    // qualified "namespace:name", empty when absent
};

// Something with a name and a type below a namespace: a binding, exporter, guard, vault or store.
struct entity {
    std::string ns, name, type;
    nlohmann::json options;  // object or null
    location where;
    std::map<std::string, location>
        places;  // JSON pointer inside the entity ("/options/port/0") to its place in the file
    std::string path;  // "bindings.north_tcp_server"

    std::string qualified_name() const { return ns + ":" + name; }
    // The place of a pointer, or of its nearest known parent.
    location place(std::string pointer) const;
    // A problem at a JSON pointer inside the entity, with its place and path.
    problem problem_at(const std::string& pointer, std::string text) const;
};

// What a binding's `telemetry` says.
struct binding_telemetry {
    std::vector<std::string> metrics;  // regular expressions
    std::map<std::string, std::string> attributes;
};

struct binding : entity {
    std::string kind;
    std::string vault;          // qualified, empty when absent
    std::vector<route> routes;  // file order; the binding's own exit is the last, without `when`
    binding_telemetry telemetry;
};

// A namespace of the file and its top-level `telemetry`.
struct name_space {
    std::string name;
    std::vector<std::string> metrics;
    std::map<std::string, std::string> attributes;
};

struct configuration {
    std::vector<binding> bindings;
    std::vector<entity> exporters, guards, vaults, stores;
    std::vector<name_space> namespaces;
};

}  // namespace weft::config
