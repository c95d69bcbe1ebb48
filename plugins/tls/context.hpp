// context: what all connections of a binding share until its vault is renewed: OpenSSL's settings,
// keys and whom to trust. Immutable; a connection keeps the one it began with.
#pragma once

#include "certificate.hpp"
#include "config.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::tls {

class context {
public:
    // Reads from the vault. Throws config_error. [control]
    static std::shared_ptr<const context> make(const tls_config& c);

    explicit context(const tls_config& c);
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    SSL_CTX* ssl() const { return ctx_.get(); }
    const tls_config& config() const { return config_; }
    // Is the certificate of this alias in the chain?
    bool chain_has(const STACK_OF(X509) * chain, const std::string& alias) const;
    // The client's key for a subject; nullptr: there is none.
    const certified_key* key_of_subject(const std::string& cn, const std::string& dn) const;

private:
    struct named_certificate {
        std::string alias;
        cert_ptr cert;
    };

    void set_versions();
    void read_keys(const vault_ref& v);
    void read_trust(const vault_ref& v);
    void read_signed_keys(const vault_ref& v);
    void trust(const vault_entry& e, const std::string& pointer);
    void trust_system();
    void prepare_server();
    void prepare_client();

    static int choose_certificate(SSL* s, void* self);
    static int choose_protocol(SSL* s, const unsigned char** out, unsigned char* out_size,
                               const unsigned char* in, unsigned in_size, void* self);
    static int staple(SSL* s, void* self);

    const tls_config& config_;
    ctx_ptr ctx_;
    std::vector<certified_key> keys_;
    std::vector<named_certificate> trusted_;
};

// What OpenSSL's callbacks know of a connection: SSL_get_app_data.
struct connection_facts {
    uint16_t port = 0;
    // Of a client: a session that can be resumed later; 1 when it is taken.
    int (*remember)(void* owner, SSL_SESSION* s) = nullptr;
    void* owner = nullptr;
};

}  // namespace weft::tls
