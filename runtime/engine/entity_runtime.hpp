// A vault, guard or exporter of the configuration: the plugin's object with what it comes from.
// Destroyed on the control thread.
#pragma once

#include "config/model.hpp"

#include <weft/abi.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft {

class plugin_library;

template <class Table>
struct entity_runtime {
    config::entity config;
    std::string fingerprint;  // of its configuration and its plugin's content
    std::shared_ptr<plugin_library> plugin;
    const Table* vt = nullptr;
    void* object = nullptr;

    entity_runtime() = default;
    entity_runtime(const entity_runtime&) = delete;
    entity_runtime& operator=(const entity_runtime&) = delete;
    ~entity_runtime() {
        if (object) vt->destroy(object);
    }

    // Of its content, beside the configuration: the files of a vault.
    std::string digest() const {
        const char* text = vt->digest ? vt->digest(object) : nullptr;
        return text ? text : "";
    }
    std::vector<std::string> files() const {
        std::vector<std::string> out;
        const char* const* f = vt->files ? vt->files(object) : nullptr;
        for (; f && *f; ++f) out.emplace_back(*f);
        return out;
    }
};

using exporter_runtime = entity_runtime<weft_exporter_vt>;
using vault_runtime = entity_runtime<weft_vault_vt>;
using guard_runtime = entity_runtime<weft_guard_vt>;

// By qualified name.
template <class Table>
using entity_map = std::map<std::string, std::shared_ptr<entity_runtime<Table>>>;
using vault_map = entity_map<weft_vault_vt>;
using guard_map = entity_map<weft_guard_vt>;

// What is no longer configured but may be in use on a worker, until the control thread finds that
// it is not.
template <class Table>
class retired_entities {
public:
    void add(entity_map<Table>&& gone) {
        for (auto& [name, e] : gone) list_.push_back(std::move(e));
    }
    void sweep() {
        std::erase_if(list_, [](const auto& e) { return e.use_count() == 1; });
    }

private:
    std::vector<std::shared_ptr<entity_runtime<Table>>> list_;
};

}  // namespace weft
