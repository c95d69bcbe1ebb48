// Keys and certificates of a vault, read into OpenSSL's objects.
#pragma once

#include "ossl.hpp"

#include <weft/vault.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weft::tls {

struct certified_key {
    std::string alias, ocsp;
    key_ptr key;
    cert_ptr cert;
    STACK_OF(X509) * chain = nullptr;
    std::vector<std::string> names;  // whom it is for

    certified_key() = default;
    certified_key(certified_key&& o) noexcept
        : alias(std::move(o.alias)),
          ocsp(std::move(o.ocsp)),
          key(std::move(o.key)),
          cert(std::move(o.cert)),
          chain(std::exchange(o.chain, nullptr)),
          names(std::move(o.names)) {}
    certified_key& operator=(certified_key&&) = delete;
    ~certified_key() { sk_X509_pop_free(chain, X509_free); }

    bool is_for(std::string_view host) const;
};

// Throw config_error at `pointer`, where the entry is named.
certified_key read_key(const vault_entry& e, const std::string& pointer);
cert_ptr read_certificate(const vault_entry& e, const std::string& pointer);
crl_ptr read_crl(const vault_entry& e, const std::string& pointer);

std::string common_name(const X509* c);
// As RFC 2253 writes it: "CN=device-1,O=Example".
std::string distinguished_name(const X509_NAME* n);
// The certificate and what stands behind it, as PEM.
std::string pem_of(const STACK_OF(X509) * chain);

}  // namespace weft::tls
