#include "config/installed.hpp"

#include "config/reference.hpp"

#include <weft/abi.h>

#include <algorithm>
#include <array>
#include <utility>

namespace weft::config {

const plugin_info* installed_types::find(const std::string& role, const std::string& type) const {
    const auto it = std::find_if(plugins_.begin(), plugins_.end(), [&](const plugin_info& p) {
        return p.role == role && p.type == type;
    });
    return it == plugins_.end() ? nullptr : &*it;
}

words installed_types::types(const std::string& role) const {
    words out;
    for (const auto& p : plugins_) {
        if (p.role == role && p.error.empty()) out.push_back(p.type);
    }
    std::sort(out.begin(), out.end());
    return out;
}

const binding_schema& installed_types::schema(const plugin_info& binding) const {
    if (const auto it = schemas_.find(&binding); it != schemas_.end()) return it->second;
    return schemas_.emplace(&binding, binding_schema(binding.schema)).first->second;
}

std::string installed_types::refusal(const std::string& role, const std::string& type) const {
    if (const plugin_info* found = find(role, type)) {
        if (found->error.empty()) return "";
        return "type " + in_quotes(type) + " cannot be used: " + found->error;
    }
    const words have = types(role);
    const std::string known =
        reference::knows_type(role, type) ? std::string() : did_you_mean(type, have);
    return "type " + in_quotes(type) + " is not installed" + known +
           " (have: " + (have.empty() ? "none" : listed(have)) + ")";
}

words kind_names(uint32_t kinds) {
    static constexpr std::array<std::pair<uint32_t, const char*>, 7> names{
        {{WEFT_SERVER, "server"},
         {WEFT_CLIENT, "client"},
         {WEFT_PROXY, "proxy"},
         {WEFT_CACHE_SERVER, "cache_server"},
         {WEFT_CACHE_CLIENT, "cache_client"},
         {WEFT_REMOTE_SERVER, "remote_server"},
         {WEFT_REMOTE_CLIENT, "remote_client"}}};
    words out;
    for (const auto& [bit, name] : names) {
        if ((kinds & bit) != 0) out.emplace_back(name);
    }
    return out;
}

}  // namespace weft::config
