// What is known of an installed plugin without running it: the answer of its entry function, read
// in a child process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

struct plugin_info {
    std::string role;  // "binding", "exporter", "vault", "guard"
    std::string type;  // "tcp"
    std::string version;
    std::string file;
    uint32_t abi_major = 0, abi_minor = 0;
    uint32_t kinds = 0;  // bindings: OR of enum weft_binding_kind
    std::string schema;  // bindings: see weft_binding_vt.options_schema; exporters: JSON Schema of
                         // options, may be empty
    std::vector<std::string> accepts, emits;  // BEGIN metadata names; empty: any
    std::string error;                        // not empty: the file cannot be used, and why
};

}  // namespace weft
