// The options of the vault, from JSON to values; every default is visible here.
#pragma once

#include <weft/entity.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::vault_filesystem {

enum class store_type : uint8_t { pkcs12, pem };

// A file that is named by an option, as the user wrote it and where it is.
struct named_file {
    std::string option;  // "/options/keys/store"
    std::string given, path;
};

struct store_config {
    std::string at;  // "/options/keys"
    store_type type = store_type::pkcs12;
    std::vector<named_file> files;  // read one behind the other
    std::optional<std::string> password;
    std::vector<std::string> entries;  // empty: all
    std::optional<named_file> crl, ocsp;
};

struct vault_config {
    std::optional<store_config> keys, trust, signers;
    bool check_revocation = false;
};

// Throws config_error.
vault_config read_config(const entity_config& c);

}  // namespace weft::vault_filesystem
