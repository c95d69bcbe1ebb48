// SCRAM-SHA-256 (RFC 5802, RFC 7677) over a password file, without channel binding. Names and
// passwords are compared as the bytes they are: SASLprep changes none that are ASCII.
#pragma once

#include "auth/method.hpp"
#include "auth/password_file.hpp"

namespace weft::mqtt {

class scram_sha_256 final : public auth_method {
public:
    // `users` must outlive it. `nonce` instead of a random one: for test vectors.
    explicit scram_sha_256(const password_file& users, std::string nonce = {})
        : users_(users), nonce_(std::move(nonce)) {}

    std::string_view name() const override { return "SCRAM-SHA-256"; }
    std::unique_ptr<auth_exchange> begin() const override;

private:
    const password_file& users_;
    const std::string nonce_;
};

}  // namespace weft::mqtt
