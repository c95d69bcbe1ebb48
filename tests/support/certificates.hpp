// Certificates for unit tests, made with OpenSSL when they are asked for.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weft::tests {

struct identity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> cert;

    std::string key_pem(const char* password = nullptr) const {
        return pem([&](BIO* to) {
            const auto* text = reinterpret_cast<const unsigned char*>(password);
            return PEM_write_bio_PrivateKey(to, key.get(), password ? EVP_aes_256_cbc() : nullptr,
                                            text, password ? int(std::string(password).size()) : 0,
                                            nullptr, nullptr);
        });
    }
    std::string cert_pem() const {
        return pem([&](BIO* to) { return PEM_write_bio_X509(to, cert.get()); });
    }
    template <class F>
    static std::string pem(F&& write) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> to(BIO_new(BIO_s_mem()), BIO_free_all);
        if (!write(to.get())) throw std::runtime_error("no PEM");
        char* data = nullptr;
        const long n = BIO_get_mem_data(to.get(), &data);
        return {data, static_cast<size_t>(n)};
    }
};

struct wanted {
    std::string name = "localhost";
    std::vector<std::string> dns;      // subject alternative names
    const identity* issuer = nullptr;  // null: self-signed
    bool ca = false;
    long from_s = -3600, until_s = 24 * 3600;                       // relative to now
    const char* key = "EC";                                         // "EC", "RSA"
    std::vector<std::pair<std::string, std::string>> subject = {};  // after the name: "OU", "north"
    std::string alternatives = {};  // beside `dns`, as OpenSSL writes them: "URI:urn:x,IP:::1"
};

inline void extend(X509* c, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, c, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> x(
        X509V3_EXT_conf_nid(nullptr, &ctx, nid, value.c_str()), X509_EXTENSION_free);
    if (!x || !X509_add_ext(c, x.get(), -1)) throw std::runtime_error("extension " + value);
}

inline identity make_certificate(const wanted& w) {
    identity out;
    out.key = {std::string(w.key) == "RSA" ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"),
               EVP_PKEY_free};
    out.cert = {X509_new(), X509_free};
    auto* c = out.cert.get();
    static long serial = 1000;
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c), w.from_s);
    X509_gmtime_adj(X509_getm_notAfter(c), w.until_s);
    const auto name = [&](const std::string& field, const std::string& value) {
        const auto* text = reinterpret_cast<const unsigned char*>(value.data());
        if (!X509_NAME_add_entry_by_txt(X509_get_subject_name(c), field.c_str(), MBSTRING_UTF8,
                                        text, static_cast<int>(value.size()), -1, 0))
            throw std::runtime_error("subject " + field);
    };
    if (!w.name.empty()) name("CN", w.name);
    for (const auto& [field, value] : w.subject) name(field, value);
    X509* issuer = w.issuer ? w.issuer->cert.get() : c;
    X509_set_issuer_name(c, X509_get_subject_name(issuer));
    X509_set_pubkey(c, out.key.get());
    extend(c, issuer, NID_basic_constraints, w.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (w.ca) extend(c, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    std::string names = w.alternatives;
    for (const auto& d : w.dns) names += (names.empty() ? "DNS:" : ",DNS:") + d;
    if (!names.empty()) extend(c, issuer, NID_subject_alt_name, names);
    EVP_PKEY* signer = w.issuer ? w.issuer->key.get() : out.key.get();
    if (!X509_sign(c, signer, EVP_sha256())) throw std::runtime_error("not signed");
    return out;
}

inline identity make_ca(const std::string& name = "Test CA") {
    wanted w;
    w.name = name;
    w.ca = true;
    return make_certificate(w);
}

// A list of what this CA has revoked.
inline std::string make_crl(const identity& ca, const std::vector<const identity*>& revoked) {
    const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> crl(X509_CRL_new(), X509_CRL_free);
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> t(ASN1_TIME_new(), ASN1_TIME_free);
    X509_CRL_set_version(crl.get(), 1);
    X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(ca.cert.get()));
    X509_gmtime_adj(t.get(), -60);
    X509_CRL_set1_lastUpdate(crl.get(), t.get());
    for (const auto* r : revoked) {
        auto* entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(r->cert.get()));
        X509_REVOKED_set_revocationDate(entry, t.get());
        X509_CRL_add0_revoked(crl.get(), entry);
    }
    X509_gmtime_adj(t.get(), 24 * 3600);
    X509_CRL_set1_nextUpdate(crl.get(), t.get());
    X509_CRL_sort(crl.get());
    X509_CRL_sign(crl.get(), ca.key.get(), EVP_sha256());
    return identity::pem([&](BIO* to) { return PEM_write_bio_X509_CRL(to, crl.get()); });
}

// A PKCS#12 file of keys and certificates, each under its alias.
struct p12_item {
    std::string alias;
    const identity* of;
    bool with_key = true;
};
inline std::string make_p12(const std::vector<p12_item>& items, const char* password,
                            bool old_ciphers = false) {
    STACK_OF(PKCS12_SAFEBAG)* keys = nullptr;
    STACK_OF(PKCS12_SAFEBAG)* certs = nullptr;
    const int cipher = old_ciphers ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc;
    for (const auto& i : items) {
        auto* c = PKCS12_add_cert(&certs, i.of->cert.get());
        PKCS12_add_friendlyname_utf8(c, i.alias.c_str(), -1);
        if (!i.with_key) continue;
        auto* k = PKCS12_add_key(&keys, i.of->key.get(), 0, 2048, cipher, password);
        PKCS12_add_friendlyname_utf8(k, i.alias.c_str(), -1);
    }
    STACK_OF(PKCS7)* safes = nullptr;
    PKCS12_add_safe(&safes, certs, cipher, 2048, password);
    if (keys) PKCS12_add_safe(&safes, keys, -1, 0, nullptr);
    auto* p12 = PKCS12_add_safes(safes, 0);
    PKCS12_set_mac(p12, password, -1, nullptr, 0, 2048, EVP_sha256());
    const auto out = identity::pem([&](BIO* to) { return i2d_PKCS12_bio(to, p12); });
    PKCS12_free(p12);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(keys, PKCS12_SAFEBAG_free);
    sk_PKCS12_SAFEBAG_pop_free(certs, PKCS12_SAFEBAG_free);
    return out;
}

}  // namespace weft::tests
