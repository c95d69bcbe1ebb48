// What belongs together in a store: keys with their chains, and the certificates that stand alone.
#pragma once

#include "store.hpp"

#include <weft/vault.hpp>

#include <ctime>

namespace weft::vault_filesystem {

// Keys with their chain. Throws store_error: a key without a certificate, or one that has expired
// at `now`.
std::vector<vault_entry> key_entries(const contents& in, const std::string& source,
                                     std::time_t now);
// Certificates that belong to no key in the store.
std::vector<vault_entry> certificate_entries(const contents& in, weft_vault_kind kind,
                                             const std::string& source);
std::vector<vault_entry> crl_entries(const contents& in, const std::string& source);

}  // namespace weft::vault_filesystem
