#include "context.hpp"

#include "ticket.hpp"

#include <weft/text.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace weft::tls {
namespace {

// Forward secrecy and authenticated encryption only. Of TLS 1.3 all suites are such.
constexpr const char* suites_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM";
// P-521 and X448 of OpenSSL's default let a client choose what costs a server the most.
constexpr const char* server_groups = "X25519:P-256:P-384";

std::string listed(const std::vector<vault_entry>& entries) {
    std::string out;
    for (const auto& e : entries) out += (out.empty() ? "" : ", ") + e.alias;
    return out.empty() ? "none" : out;
}

// The entries that an option names. Without the option none, or all of a client's.
template <class F>
void each_named(const vault_ref& v, weft_vault_kind kind, const std::optional<names>& wanted,
                const std::string& pointer, bool all, F&& f) {
    if (!wanted) {
        if (all)
            for (const auto& e : v.all(kind)) f(e, "/vault");
        return;
    }
    for (size_t i = 0; i < wanted->size(); ++i) {
        const auto found = v.find(kind, (*wanted)[i]);
        const std::string at = pointer + "/" + std::to_string(i);
        if (found.empty())
            throw config_error(at, "no entry '" + (*wanted)[i] + "' in vault '" + v.name() +
                                       "' (have: " + listed(v.all(kind)) + ")");
        for (const auto& e : found) f(e, at);
    }
}

}  // namespace

std::shared_ptr<const context> context::make(const tls_config& c) {
    return std::make_shared<const context>(c);
}

context::context(const tls_config& c)
    : config_(c),
      ctx_(SSL_CTX_new(c.is == kind::client ? TLS_client_method() : TLS_server_method())) {
    if (!ctx_) throw std::bad_alloc();
    auto* s = ctx_.get();
    set_versions();
    SSL_CTX_set_cipher_list(s, suites_1_2);
    SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // A connection that rests holds no buffers.
    SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!c.vault.empty()) {
        const vault_ref v(c.vault);
        read_keys(v);
        read_signed_keys(v);
        read_trust(v);
    }
    if (c.trust_system) trust_system();
    c.is == kind::client ? prepare_client() : prepare_server();
    ERR_clear_error();
}

void context::set_versions() {
    const bool only_3 = config_.version == protocol::tls_1_3;
    const bool only_2 = config_.version == protocol::tls_1_2;
    SSL_CTX_set_min_proto_version(ctx_.get(), only_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ctx_.get(), only_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
}

void context::read_keys(const vault_ref& v) {
    const bool nothing_named = !config_.keys && !config_.trust && !config_.signers;
    each_named(
        v, WEFT_VAULT_KEY, config_.keys, "/options/keys", nothing_named,
        [&](const vault_entry& e, const std::string& at) { keys_.push_back(read_key(e, at)); });
}

void context::read_signed_keys(const vault_ref& v) {
    if (!config_.signers) return;
    const auto all = v.all(WEFT_VAULT_KEY);
    each_named(v, WEFT_VAULT_SIGNER, config_.signers, "/options/signers", false,
               [&](const vault_entry& signer, const std::string& at) {
                   const auto ca = read_certificate(signer, at);
                   for (const auto& e : all) {
                       auto key = read_key(e, at);
                       if (X509_NAME_cmp(X509_get_issuer_name(key.cert.get()),
                                         X509_get_subject_name(ca.get())) == 0)
                           keys_.push_back(std::move(key));
                   }
               });
    if (keys_.empty())
        throw config_error("/options/signers",
                           "they have issued no certificate of a key in vault '" + v.name() +
                               "' (have: " + listed(all) + ")");
}

void context::read_trust(const vault_ref& v) {
    const bool nothing_named = !config_.keys && !config_.trust && !config_.signers;
    each_named(v, WEFT_VAULT_TRUST, config_.trust, "/options/trust", nothing_named,
               [&](const vault_entry& e, const std::string& at) { trust(e, at); });
    auto* store = SSL_CTX_get_cert_store(ctx_.get());
    // What is trusted need not be a root.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    const auto crls = v.all(WEFT_VAULT_CRL);
    for (const auto& e : crls) X509_STORE_add_crl(store, read_crl(e, "/vault").get());
    if (!crls.empty()) X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    // Routes may ask for others than the binding trusts by itself.
    for (size_t i = 0; i < config_.routes.size(); ++i)
        for (size_t k = 0; k < config_.routes[i].when.size(); ++k)
            for (const auto& alias : config_.routes[i].when[k].trust)
                each_named(v, WEFT_VAULT_TRUST, names{alias},
                           "/routes/" + std::to_string(i) + "/when/" + std::to_string(k) + "/trust",
                           false, [](const vault_entry&, const std::string&) {});
}

void context::trust(const vault_entry& e, const std::string& pointer) {
    auto cert = read_certificate(e, pointer);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx_.get()), cert.get());
    if (config_.is == kind::server) SSL_CTX_add_client_CA(ctx_.get(), cert.get());
    trusted_.push_back({e.alias, std::move(cert)});
}

void context::trust_system() {
    if (SSL_CTX_set_default_verify_paths(ctx_.get()) != 1)
        throw config_error("/options/trustcacerts",
                           "the platform's CA certificates cannot be read");
}

void context::prepare_server() {
    auto* s = ctx_.get();
    // What a connection shows unless the client's name chooses. The first of a type counts, and a
    // later one would take its place.
    for (auto k = keys_.rbegin(); k != keys_.rend(); ++k)
        SSL_CTX_use_cert_and_key(s, k->cert.get(), k->key.get(), k->chain, 1);
    if (keys_.size() > 1) SSL_CTX_set_cert_cb(s, &context::choose_certificate, this);
    SSL_CTX_set_alpn_select_cb(s, &context::choose_protocol, this);
    SSL_CTX_set_tlsext_status_cb(s, &context::staple);
    SSL_CTX_set_tlsext_status_arg(s, this);
    // Tickets alone: no memory of sessions here. A context that follows has other ticket keys, so
    // what it trusts no more is not resumed either.
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(s, 1);
    if (config_.client_certificate != mutual::none) keep_chain_in_tickets(s);
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(config_.binding.data(), config_.binding.size(), id, &size, EVP_sha256(), nullptr);
    SSL_CTX_set_session_id_context(s, id, std::min(size, unsigned{SSL_MAX_SSL_SESSION_ID_LENGTH}));
    SSL_CTX_set_dh_auto(s, 1);
    SSL_CTX_set1_groups_list(s, server_groups);
    int verify = SSL_VERIFY_NONE;
    if (config_.client_certificate != mutual::none) verify = SSL_VERIFY_PEER;
    if (config_.client_certificate == mutual::required) verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(s, verify, nullptr);
}

void context::prepare_client() {
    auto* s = ctx_.get();
    SSL_CTX_set_verify(s, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(s, [](SSL* of, SSL_SESSION* x) {
        const auto* known = static_cast<const connection_facts*>(SSL_get_app_data(of));
        return known && known->remember ? known->remember(known->owner, x) : 0;
    });
    // OpenSSL takes of several keys the one that the server can use.
    bool subject_by_route = false;
    for (const auto& r : config_.routes)
        subject_by_route = subject_by_route || !r.subject_cn.empty() || !r.subject_dn.empty();
    if (!subject_by_route)
        for (const auto& k : keys_)
            SSL_CTX_use_cert_and_key(s, k.cert.get(), k.key.get(), k.chain, 0);
    std::string wire;
    for (const auto& p : config_.alpn) wire += static_cast<char>(p.size()) + p;
    if (!wire.empty())
        SSL_CTX_set_alpn_protos(s, reinterpret_cast<const unsigned char*>(wire.data()),
                                static_cast<unsigned>(wire.size()));
}

bool context::chain_has(const STACK_OF(X509) * chain, const std::string& alias) const {
    for (const auto& t : trusted_) {
        if (!equal_ignoring_case(t.alias, alias)) continue;
        for (int i = 0; i < sk_X509_num(chain); ++i)
            if (X509_cmp(sk_X509_value(chain, i), t.cert.get()) == 0) return true;
    }
    return false;
}

const certified_key* context::key_of_subject(const std::string& cn, const std::string& dn) const {
    for (const auto& k : keys_) {
        const auto* subject = X509_get_subject_name(k.cert.get());
        if (dn.empty() ? common_name(k.cert.get()) == cn : distinguished_name(subject) == dn)
            return &k;
    }
    return nullptr;
}

// By name first, then by type of key: of those that are given, OpenSSL takes one that the client
// can verify.
int context::choose_certificate(SSL* s, void* self) {
    const auto& c = *static_cast<const context*>(self);
    const char* asked = SSL_get_servername(s, TLSEXT_NAMETYPE_host_name);
    const std::string_view name = asked ? asked : "";
    const bool any_for = !name.empty() && std::any_of(c.keys_.begin(), c.keys_.end(),
                                                      [&](auto& k) { return k.is_for(name); });
    if (!any_for) return 1;
    SSL_certs_clear(s);
    for (auto k = c.keys_.rbegin(); k != c.keys_.rend(); ++k)
        if (k->is_for(name)) SSL_use_cert_and_key(s, k->cert.get(), k->key.get(), k->chain, 1);
    return 1;
}

// In the client's order: what the options accept and a route takes, before what the options accept.
int context::choose_protocol(SSL* s, const unsigned char** out, unsigned char* out_size,
                             const unsigned char* in, unsigned in_size, void* self) {
    const auto& c = static_cast<const context*>(self)->config_;
    const auto* known = static_cast<const connection_facts*>(SSL_get_app_data(s));
    const char* asked = SSL_get_servername(s, TLSEXT_NAMETYPE_host_name);
    facts f;
    f.port = known ? known->port : uint16_t{0};
    if (asked) f.authority = asked;
    const bool name_fits =
        c.sni.empty() || (asked && std::any_of(c.sni.begin(), c.sni.end(), [&](const auto& n) {
                              return wildcard_match(n, asked, {true});
                          }));
    const auto routed = [&](std::string_view p) {
        f.alpn = p;
        return std::any_of(c.routes.begin(), c.routes.end(), [&](const route& r) {
            return std::any_of(r.when.begin(), r.when.end(), [&](condition x) {
                x.certificate.reset();  // not known yet
                x.trust.clear();
                return x.alpn && x.matches(f);
            });
        });
    };
    const unsigned char* second = nullptr;
    for (unsigned at = 0; at < in_size && at + 1u + in[at] <= in_size; at += 1u + in[at]) {
        const std::string_view p(reinterpret_cast<const char*>(in + at + 1), in[at]);
        const bool listed_here =
            name_fits && std::find(c.alpn.begin(), c.alpn.end(), p) != c.alpn.end();
        const bool wanted = routed(p);
        if (wanted && (listed_here || c.alpn.empty())) {
            *out = in + at + 1;
            *out_size = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
        if (listed_here && !second) second = in + at;
    }
    if (second) {
        *out = second + 1;
        *out_size = *second;
        return SSL_TLSEXT_ERR_OK;
    }
    // RFC 7301, 3.2: a server that has a list, and nothing in common with the client, says so.
    return c.alpn.empty() || !name_fits ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int context::staple(SSL* s, void* self) {
    const auto& c = *static_cast<const context*>(self);
    const X509* shown = SSL_get_certificate(s);
    for (const auto& k : c.keys_) {
        if (k.ocsp.empty() || !shown || X509_cmp(k.cert.get(), shown) != 0) continue;
        void* copy = OPENSSL_memdup(k.ocsp.data(), k.ocsp.size());
        if (!copy) return SSL_TLSEXT_ERR_NOACK;
        SSL_set_tlsext_status_ocsp_resp(s, copy, static_cast<long>(k.ocsp.size()));
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace weft::tls
