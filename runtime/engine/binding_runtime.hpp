// One generation of a configured binding: its life from create to destroy, and the plugin that it
// comes from.
#pragma once

#include "config/model.hpp"
#include "worker/instance.hpp"

#include <weft/abi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weft {

class plugin_library;

struct binding_runtime {
    uint64_t id = 0;          // what routes call an exit; from 1, the same for all generations
    uint32_t generation = 1;  // counts the lives of this binding in this process
    config::binding config;
    std::string name;  // "namespace:name"
    std::string
        fingerprint;   // of its configuration and its plugin's content: equal means unchanged
    std::string file;  // the installed plugin file
    std::shared_ptr<plugin_library> plugin;
    const weft_binding_vt* vt = nullptr;
    void* object = nullptr;                               // what create returned
    std::vector<std::unique_ptr<weft_worker>> instances;  // by worker index
    uint64_t deadline_ns = UINT64_MAX;                    // of a drained one
};

}  // namespace weft
