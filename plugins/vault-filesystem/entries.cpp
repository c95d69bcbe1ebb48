#include "entries.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace weft::vault_filesystem {
namespace {

// Longer chains exist in no store that somebody made on purpose.
constexpr size_t chain_max = 16;

std::string common_name(const X509* c) {
    const auto* subject = X509_get_subject_name(c);
    char text[256];
    const int n = X509_NAME_get_text_by_NID(const_cast<X509_NAME*>(subject), NID_commonName, text,
                                            sizeof text);
    if (n > 0) return {text, static_cast<size_t>(n)};
    char* whole = X509_NAME_oneline(subject, nullptr, 0);
    std::string out = whole ? whole : "";
    OPENSSL_free(whole);
    return out;
}

std::string date(const ASN1_TIME* t) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    ASN1_TIME_print(out.get(), t);
    return text_of(out.get());
}

bool belongs(const found_cert& c, const found_key& k) {
    const auto* key = X509_get0_pubkey(c.cert.get());
    return key && EVP_PKEY_eq(key, k.key.get()) == 1;
}

// A certificate's alias: what the store calls it, or whom it is for.
std::string alias_of(const found_cert& c) {
    return c.alias.empty() ? common_name(c.cert.get()) : c.alias;
}

void append_pem(std::string& to, X509* c) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), c);
    to += text_of(out.get());
}

// The certificate's own first, then its issuers as far as they are there; a root is left out, since
// whoever trusts it has it.
std::string chain_of(const contents& in, X509* first) {
    std::string out;
    append_pem(out, first);
    const X509* last = first;
    for (size_t n = 0; n < chain_max; ++n) {
        const auto next = std::find_if(in.certs.begin(), in.certs.end(), [&](const auto& c) {
            return c.cert.get() != last &&
                   X509_check_issued(c.cert.get(), const_cast<X509*>(last)) == X509_V_OK;
        });
        if (next == in.certs.end() || X509_self_signed(next->cert.get(), 0) == 1) break;
        append_pem(out, next->cert.get());
        last = next->cert.get();
    }
    ERR_clear_error();
    return out;
}

}  // namespace

std::vector<vault_entry> key_entries(const contents& in, const std::string& source,
                                     std::time_t now) {
    std::vector<vault_entry> out;
    for (const auto& k : in.keys) {
        const auto own = std::find_if(in.certs.begin(), in.certs.end(),
                                      [&](const auto& c) { return belongs(c, k); });
        ERR_clear_error();
        const std::string called = k.alias.empty() ? "a key" : "key '" + k.alias + "'";
        if (own == in.certs.end())
            throw store_error("store",
                              called + (in.certs.empty() ? " is there without a certificate"
                                                         : " matches none of the certificates"));
        vault_entry e;
        e.kind = WEFT_VAULT_KEY;
        e.alias = k.alias.empty() ? alias_of(*own) : k.alias;
        e.source = source;
        const auto* until = X509_get0_notAfter(own->cert.get());
        if (ASN1_TIME_cmp_time_t(until, now) < 0)
            throw store_error(
                "store", "the certificate of key '" + e.alias + "' has expired: " + date(until));
        if (ASN1_TIME_cmp_time_t(X509_get0_notBefore(own->cert.get()), now) > 0)
            log(WEFT_WARN, (source + ": the certificate of key '" + e.alias + "' is valid from " +
                            date(X509_get0_notBefore(own->cert.get())))
                               .c_str());
        e.certificates = chain_of(in, own->cert.get());
        const bio_ptr pem(BIO_new(BIO_s_mem()));
        PEM_write_bio_PKCS8PrivateKey(pem.get(), k.key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr);
        e.key = text_of(pem.get());
        out.push_back(std::move(e));
    }
    return out;
}

std::vector<vault_entry> certificate_entries(const contents& in, weft_vault_kind kind,
                                             const std::string& source) {
    std::vector<vault_entry> out;
    for (const auto& c : in.certs) {
        if (std::any_of(in.keys.begin(), in.keys.end(),
                        [&](const auto& k) { return belongs(c, k); }))
            continue;
        vault_entry e;
        e.kind = kind;
        e.alias = alias_of(c);
        e.source = source;
        append_pem(e.certificates, c.cert.get());
        out.push_back(std::move(e));
    }
    ERR_clear_error();
    return out;
}

std::vector<vault_entry> crl_entries(const contents& in, const std::string& source) {
    std::vector<vault_entry> out;
    for (const auto& c : in.crls) {
        vault_entry e;
        e.kind = WEFT_VAULT_CRL;
        e.source = source;
        char* issuer = X509_NAME_oneline(X509_CRL_get_issuer(c.get()), nullptr, 0);
        e.alias = issuer ? issuer : "";
        OPENSSL_free(issuer);
        const bio_ptr pem(BIO_new(BIO_s_mem()));
        PEM_write_bio_X509_CRL(pem.get(), c.get());
        e.certificates = text_of(pem.get());
        out.push_back(std::move(e));
    }
    return out;
}

}  // namespace weft::vault_filesystem
