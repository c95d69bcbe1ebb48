// options.authentication: who may connect, and by which methods. Made once per binding, shared by
// its workers, never changed.
#pragma once

#include "auth/scram.hpp"

#include <memory>
#include <vector>

namespace weft::mqtt {

class authentication {
public:
    explicit authentication(password_file users) : users_(std::move(users)) {}
    authentication(const authentication&) = delete;
    authentication& operator=(const authentication&) = delete;

    void add(std::unique_ptr<auth_method> m) { methods_.push_back(std::move(m)); }
    void add_scram() { add(std::make_unique<scram_sha_256>(users_)); }

    // Null when this method is not offered.
    const auth_method* method(std::string_view name) const {
        for (const auto& m : methods_)
            if (m->name() == name) return m.get();
        return nullptr;
    }
    const password_file& users() const { return users_; }

    bool passwords = true;  // user name and password in CONNECT
    bool required = true;   // nobody without either

private:
    password_file users_;
    std::vector<std::unique_ptr<auth_method>> methods_;
};

}  // namespace weft::mqtt
