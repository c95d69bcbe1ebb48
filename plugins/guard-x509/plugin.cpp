// The x509 guard: client certificates.
#include "schema.hpp"
#include "x509.hpp"

#include <openssl/crypto.h>

namespace weft::guard_x509 {

struct plugin {
    static constexpr const char* type = "x509";
    static constexpr const char* version = "0.1.0";
    static constexpr const char* schema = schema_json;

    // What OpenSSL does at the end of the process is not ours to wait for: this file may be gone.
    plugin() { OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr); }

    std::unique_ptr<guard> create(const entity_config& c) {
        return std::make_unique<x509_guard>(read_config(c));
    }
};

}  // namespace weft::guard_x509

WEFT_GUARD_PLUGIN(weft::guard_x509::plugin)
