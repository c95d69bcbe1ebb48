// A configuration that has been made out of plugins, created but not attached yet: what start runs
// as it is, and a reload compares with what runs.
#pragma once

#include "engine/binding_runtime.hpp"
#include "engine/entity_runtime.hpp"
#include "engine/services.hpp"
#include "loader/plugin_files.hpp"
#include "loader/plugin_info.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace weft {

struct engine_options;

// Mapped plugins by content, so that bindings of one file share one copy and one mapping.
class plugin_libraries {
public:
    plugin_libraries(std::string directory, service_host& host)
        : files_(std::move(directory)), host_(host) {}

    // The mapping of what `file` holds now. Throws plugin_error.
    std::shared_ptr<plugin_library> load(const std::string& file, std::string& digest);

private:
    plugin_files files_;
    service_host& host_;
    std::map<std::string, std::weak_ptr<plugin_library>> loaded_;  // by path of the copy
};

// Makes the generations and exporters of a configuration. What goes wrong is collected, all of it.
class assembler {
public:
    assembler(const engine_options& options, const std::vector<plugin_info>& plugins,
              plugin_libraries& libraries, std::unordered_map<std::string, uint64_t>& ids)
        : options_(options), plugins_(plugins), libraries_(libraries), ids_(ids) {}

    // Gives every binding its id; an id stays with its name for the life of the process.
    void name_all(const std::vector<config::binding>& bindings);
    // Loads the plugin and says what the generation would be; null when there is a problem.
    std::unique_ptr<binding_runtime> plan(const config::binding& b);
    // Calls create.
    bool create(binding_runtime& b);
    std::shared_ptr<exporter_runtime> plan_exporter(const config::entity& e);
    bool create_exporter(exporter_runtime& e);
    // Those of the configuration, created; of `running` those that have not changed.
    vault_map make_vaults(const config::configuration& c, const vault_map& running);
    guard_map make_guards(const config::configuration& c, const guard_map& running);

    void problem(const config::entity& e, const std::string& pointer, const std::string& text) {
        problems.push_back(e.problem_at(pointer, text));
    }

    std::vector<config::problem> problems;

private:
    // A plugin file as it was when the assembly began: several bindings come from one.
    struct loaded {
        std::string file, digest;
        std::shared_ptr<plugin_library> library;
    };
    const loaded* load(const std::string& role, const config::entity& e);
    std::string config_json(const config::binding& b) const;
    std::string entity_json(const config::entity& e) const;
    template <class Table>
    std::shared_ptr<entity_runtime<Table>> plan_entity(const config::entity& e, const char* role,
                                                       const char* extension);
    template <class Table>
    bool create_entity(entity_runtime<Table>& e);
    template <class Table>
    entity_map<Table> make_entities(const std::vector<config::entity>& of, const char* role,
                                    const char* extension, const entity_map<Table>& running);

    const engine_options& options_;
    const std::vector<plugin_info>& plugins_;
    plugin_libraries& libraries_;
    std::unordered_map<std::string, uint64_t>& ids_;
    std::map<std::string, loaded> files_;  // by path
};

}  // namespace weft
