// Names and what proves them, from a file of mosquitto_passwd, one name:$7$... a line. Empty lines
// and those that begin with # are left out. Read once; immutable then, so every worker may look
// into it.
#pragma once

#include "password.hpp"

#include <map>
#include <string>
#include <string_view>

namespace weft::guard_users {

class password_file {
public:
    // Throws std::runtime_error: "FILE:LINE: what is wrong". `file` is how messages call it.
    static password_file load(const std::string& path, const std::string& file);
    static password_file parse(std::string_view text, const std::string& file);

    // Of a name that is not there: one that nothing proves, and that takes as long as a real one.
    password_hash find(std::string_view name, bool& known) const;
    bool contains(std::string_view name) const { return users_.contains(name); }
    size_t size() const { return users_.size(); }
    // Of the content.
    uint64_t fingerprint() const { return fingerprint_; }

private:
    std::map<std::string, password_hash, std::less<>> users_;
    uint64_t fingerprint_ = 0;
};

}  // namespace weft::guard_users
