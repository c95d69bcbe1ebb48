// The tls binding: encrypted byte streams on the one side, plain ones on the other.
#include "client.hpp"
#include "kernel_tls.hpp"
#include "proxy.hpp"
#include "schema.hpp"
#include "server.hpp"

#include <optional>

namespace weft::tls {

class tls_binding final : public binding {
public:
    explicit tls_binding(const binding_config& c) : config_(read_config(c)) {
        if (config_.is == kind::proxy) return;
        if (config_.kernel) ask_kernel_about_tls();
        renew();
        if (config_.vault.empty()) return;
        vault_.emplace(config_.vault);
        vault_->on_renew([this] { renew(); });
    }
    std::unique_ptr<instance> attach(worker w) override {
        switch (config_.is) {
            case kind::server:
                return std::make_unique<server_hub>(w, config_, contexts_);
            case kind::client:
                return std::make_unique<client_hub>(w, config_, contexts_);
            default:
                return std::make_unique<proxy_instance>(w, config_);
        }
    }

private:
    // Connections go on with what they began with.
    void renew() { contexts_.set(context::make(config_)); }

    const tls_config config_;
    current_context contexts_;
    std::optional<vault_ref> vault_;
};

struct plugin {
    static constexpr const char* type = "tls";
    static constexpr const char* version = "0.1.0";
    static constexpr uint32_t kinds = WEFT_SERVER | WEFT_CLIENT | WEFT_PROXY;
    static constexpr const char* schema = schema_json;
    static constexpr const char* accepts[] = {nullptr};
    static constexpr const char* emits[] = {nullptr};

    // What OpenSSL does at the end of the process is not ours to wait for: this file may be gone.
    plugin() { OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr); }

    std::unique_ptr<binding> create(const binding_config& c) {
        return std::make_unique<tls_binding>(c);
    }
};

}  // namespace weft::tls

WEFT_PLUGIN(weft::tls::plugin)
