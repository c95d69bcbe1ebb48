// The filesystem vault: keys and certificates in PKCS#12 and PEM files.
#include "schema.hpp"
#include "vault.hpp"

#include <openssl/crypto.h>

namespace weft::vault_filesystem {

struct plugin {
    static constexpr const char* type = "filesystem";
    static constexpr const char* version = "0.1.0";
    static constexpr const char* schema = schema_json;

    // What OpenSSL does at the end of the process is not ours to wait for: this file may be gone.
    plugin() { OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr); }

    std::unique_ptr<vault> create(const entity_config& c) {
        return std::make_unique<filesystem_vault>(read_config(c));
    }
};

}  // namespace weft::vault_filesystem

WEFT_VAULT_PLUGIN(weft::vault_filesystem::plugin)
