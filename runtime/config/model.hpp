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
    std::string path;  // "bindings.north_tcp_server.options.port", empty when it concerns the whole file
    std::string text;
};

struct route {
    nlohmann::json guarded, when, with;  // null when absent
    std::string exit;                    // qualified "namespace:name", empty when absent
};

// Something with a name and a type below a namespace: a binding, exporter, guard, vault or store.
struct entity {
    std::string ns, name, type;
    nlohmann::json options;  // object or null
    location where;
    std::map<std::string, location> places;  // JSON pointer inside the entity ("/options/port/0") to its place in the file

    std::string qualified_name() const { return ns + ":" + name; }
    // The place of a pointer, or of its nearest known parent.
    location place(std::string pointer) const;
};

struct binding : entity {
    std::string kind;
    std::string vault;          // qualified, empty when absent
    std::vector<route> routes;  // file order; the binding's own exit is the last, without `when`
};

struct configuration {
    std::vector<binding> bindings;
    std::vector<entity> exporters, guards, vaults, stores;
};

}  // namespace weft::config
