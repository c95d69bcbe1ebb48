// The installed plugins, by role and type, with their schemas read.
#pragma once

#include "config/schema.hpp"
#include "config/suggest.hpp"
#include "loader/plugin_info.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::config {

class installed_types {
public:
    explicit installed_types(const std::vector<plugin_info>& plugins) : plugins_(plugins) {}

    const plugin_info* find(const std::string& role, const std::string& type) const;
    words types(const std::string& role) const;  // those that can be used, sorted

    // Throws schema_error, once and again.
    const binding_schema& schema(const plugin_info& binding) const;

    // Why `type` cannot be used, or "".
    std::string refusal(const std::string& role, const std::string& type) const;

private:
    const std::vector<plugin_info>& plugins_;
    mutable std::map<const plugin_info*, binding_schema> schemas_;
};

// "server", "cache_client": the names of enum weft_binding_kind, and those that a plugin has.
words kind_names(uint32_t kinds);

}  // namespace weft::config
