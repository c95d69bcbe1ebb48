#include "x509.hpp"

#include <algorithm>

namespace weft::guard_x509 {
namespace {

using nlohmann::json;

field_id read_field(const std::string& name, const std::string& at) {
    const auto f = field_named(name);
    if (!f) throw config_error(at, "no field '" + name + "' (allowed: " + names_of_fields() + ")");
    return *f;
}

condition read_condition(const std::string& name, std::string pattern, const std::string& at) {
    const field_id f = read_field(name, at);
    // As `openssl x509 -fingerprint` has it, with a colon after every byte.
    if (fields[f].of == part::fingerprint || fields[f].of == part::serial) std::erase(pattern, ':');
    return {f, std::move(pattern)};
}

role read_role(const std::string& name, const json& given, const std::string& at) {
    role out{name, {}};
    for (size_t i = 0; i < given.size(); ++i) {
        auto& all = out.any_of.emplace_back();
        for (const auto& [field, pattern] : given[i].items())
            all.push_back(read_condition(field, pattern.get<std::string>(),
                                         at + "/" + std::to_string(i) + "/" + field));
    }
    return out;
}

}  // namespace

policy read_config(const entity_config& c) {
    policy out;
    out.identity =
        read_field(c.options.value("identity", std::string("subject.dn")), "/options/identity");
    const auto attributes = c.options.value("attributes", json::object());
    for (const auto& [name, field] : attributes.items())
        out.attributes.emplace_back(
            name, read_field(field.get<std::string>(), "/options/attributes/" + name));
    const auto roles = c.options.value("roles", json::object());
    for (const auto& [name, given] : roles.items())
        out.roles.push_back(read_role(name, given, "/options/roles/" + name));
    return out;
}

}  // namespace weft::guard_x509
