// A configured binding while it runs, and the plugin that it comes from.
#pragma once

#include "config/model.hpp"
#include "worker/instance.hpp"

#include <weft/abi.h>

#include <memory>
#include <string>
#include <vector>

namespace weft {

class plugin_library;

struct binding_runtime {
    uint64_t id = 0;  // what routes call an exit; from 1
    config::binding config;
    std::string name;  // "namespace:name"
    std::shared_ptr<plugin_library> plugin;
    const weft_binding_vt* vt = nullptr;
    void* object = nullptr;                               // what create returned
    std::vector<std::unique_ptr<weft_worker>> instances;  // by worker index
};

}  // namespace weft
