// What is in a store's file, before it is known what belongs together.
#pragma once

#include "ossl.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft::vault_filesystem {

// A file that cannot be used. The text names no file: whoever knows it adds it.
class store_error : public std::runtime_error {
public:
    store_error(const char* option, const std::string& text)
        : std::runtime_error(text), option_(option) {}
    const char* option() const { return option_; }  // the one that is at fault: "password", "store"

private:
    const char* option_;
};

struct found_key {
    key_ptr key;
    std::string alias;  // "" when the store names none
};
struct found_cert {
    cert_ptr cert;
    std::string alias;
};
struct contents {
    std::vector<found_key> keys;
    std::vector<found_cert> certs;
    std::vector<crl_ptr> crls;
};

// Both throw store_error.
contents read_pkcs12(const std::string& bytes, const std::optional<std::string>& password);
contents read_pem(const std::string& text, const std::optional<std::string>& password);

}  // namespace weft::vault_filesystem
