// The guard: who has shown a certificate is who the certificate says. That it is the client's own,
// and whose signature is on it, is for who asks to have verified: tls does.
#pragma once

#include "policy.hpp"

namespace weft::guard_x509 {

// Throws config_error.
policy read_config(const entity_config& c);

class x509_guard final : public guard {
public:
    explicit x509_guard(policy p) : policy_(std::move(p)) {}
    void verify(worker asker, const weft_guard_request& q, guard_answer answer) override;

private:
    const policy policy_;
};

}  // namespace weft::guard_x509
