// The options of a users guard, from JSON to values.
#pragma once

#include "password_file.hpp"

#include <weft/guard.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weft::guard_users {

struct user {
    std::vector<std::string> roles;
    std::vector<std::pair<std::string, std::string>> attributes;
};

struct users_config {
    std::string path;  // of the password file
    password_file passwords;
    std::vector<std::string> roles;  // of everybody
    std::map<std::string, user, std::less<>> users;
};

// Reads the password file, too. Throws config_error.
users_config read_config(const entity_config& c);

}  // namespace weft::guard_users
