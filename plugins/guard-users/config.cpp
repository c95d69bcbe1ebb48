#include "config.hpp"

#include <stdexcept>

namespace weft::guard_users {
namespace {

using nlohmann::json;

password_file read_file(const std::string& path, const std::string& file) {
    try {
        return password_file::load(path, file);
    } catch (const std::runtime_error& e) {
        throw config_error("/options/file", e.what());
    }
}

}  // namespace

users_config read_config(const entity_config& c) {
    const std::string file = c.options.at("file");
    users_config out;
    out.path = c.path_of(file);
    out.passwords = read_file(out.path, file);
    out.roles = c.options.value("roles", std::vector<std::string>());
    const auto users = c.options.value("users", json::object());
    for (const auto& [name, given] : users.items()) {
        if (!out.passwords.contains(name))
            throw config_error("/options/users/" + name, "no user '" + name + "' in " + file);
        user u;
        u.roles = given.value("roles", std::vector<std::string>());
        const auto attributes = given.value("attributes", json::object());
        for (const auto& [key, value] : attributes.items())
            u.attributes.emplace_back(key, value.get<std::string>());
        out.users.emplace(name, std::move(u));
    }
    return out;
}

}  // namespace weft::guard_users
