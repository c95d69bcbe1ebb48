// The ws binding: WebSocket connections on the one side, the payload of their messages on the
// other.
#include "client.hpp"
#include "schema.hpp"
#include "server.hpp"

#include <openssl/crypto.h>

namespace weft::ws {

class ws_binding final : public binding {
public:
    explicit ws_binding(const binding_config& c) : config_(read_config(c)) {}
    std::unique_ptr<instance> attach(worker w) override {
        if (config_.is == kind::client) return std::make_unique<client_hub>(w, config_);
        return std::make_unique<server_hub>(w, config_);
    }

private:
    const ws_config config_;
};

struct plugin {
    static constexpr const char* type = "ws";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_SERVER | WEFT_CLIENT;
    static constexpr const char* schema = schema_json;
    static constexpr const char* accepts[] = {nullptr};
    static constexpr const char* emits[] = {nullptr};

    // What OpenSSL does at the end of the process is not ours to wait for: this file may be gone.
    plugin() { OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr); }

    std::unique_ptr<binding> create(const binding_config& c) {
        return std::make_unique<ws_binding>(c);
    }
};

}  // namespace weft::ws

WEFT_PLUGIN(weft::ws::plugin)
