// The guard: who says a name and the password that belongs to it is who it says.
#pragma once

#include "config.hpp"

namespace weft::guard_users {

class users_guard final : public guard {
public:
    explicit users_guard(users_config c) : config_(std::move(c)) {}

    std::string digest() const override;
    std::vector<std::string> files() const override { return {config_.path}; }
    void verify(worker asker, const weft_guard_request& q, guard_answer answer) override;

private:
    identified who_is(const std::string& name) const;

    const users_config config_;
};

}  // namespace weft::guard_users
