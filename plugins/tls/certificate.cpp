#include "certificate.hpp"

#include <weft/text.hpp>

#include <openssl/pem.h>

#include <algorithm>

namespace weft::tls {
namespace {

bio_ptr bio_of(const std::string& bytes) {
    return bio_ptr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

config_error unusable(const vault_entry& e, const std::string& pointer, const char* what) {
    const char* why = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return {pointer, "'" + e.alias + "' of " + e.source + ": " + what + (why ? ": " : "") +
                         (why ? why : "")};
}

// What OpenSSL works out of a certificate when it is first asked is worked out here, by one thread:
// later all workers look at it at once.
cert_ptr next_certificate(BIO* from) {
    cert_ptr out(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
    if (out) X509_check_purpose(out.get(), -1, 0);
    return out;
}

std::string taken(BIO* b) {
    char* data = nullptr;
    const long n = BIO_get_mem_data(b, &data);
    return n > 0 ? std::string(data, static_cast<size_t>(n)) : std::string();
}

// RFC 6125: of names in the certificate, those in the extension; the common name only without them.
std::vector<std::string> names_of(X509* c) {
    std::vector<std::string> out;
    auto* all =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(c, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const auto* n = sk_GENERAL_NAME_value(all, i);
        if (n->type != GEN_DNS) continue;
        const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(n->d.dNSName));
        out.emplace_back(text, static_cast<size_t>(ASN1_STRING_length(n->d.dNSName)));
    }
    GENERAL_NAMES_free(all);
    if (out.empty()) out.push_back(common_name(c));
    return out;
}

}  // namespace

bool certified_key::is_for(std::string_view host) const {
    return std::any_of(names.begin(), names.end(), [&](const std::string& n) {
        if (equal_ignoring_case(n, host)) return true;
        // A wildcard stands for one label.
        const auto dot = host.find('.');
        return n.starts_with("*.") && dot != std::string_view::npos &&
               equal_ignoring_case(std::string_view(n).substr(1), host.substr(dot));
    });
}

certified_key read_key(const vault_entry& e, const std::string& pointer) {
    if (e.key.empty())
        throw config_error(pointer, "'" + e.alias + "' of " + e.source +
                                        ": its key does not leave the vault, which tls cannot use");
    certified_key out;
    out.alias = e.alias;
    out.ocsp = e.ocsp;
    out.key.reset(PEM_read_bio_PrivateKey(bio_of(e.key).get(), nullptr, nullptr, nullptr));
    if (!out.key) throw unusable(e, pointer, "the key cannot be read");
    const auto in = bio_of(e.certificates);
    out.cert = next_certificate(in.get());
    if (!out.cert) throw unusable(e, pointer, "the certificate cannot be read");
    if (X509_check_private_key(out.cert.get(), out.key.get()) != 1)
        throw unusable(e, pointer, "the key is not that of the certificate");
    out.chain = sk_X509_new_null();
    while (auto next = next_certificate(in.get())) sk_X509_push(out.chain, next.release());
    ERR_clear_error();  // the end of the text
    out.names = names_of(out.cert.get());
    return out;
}

cert_ptr read_certificate(const vault_entry& e, const std::string& pointer) {
    auto out = next_certificate(bio_of(e.certificates).get());
    if (!out) throw unusable(e, pointer, "the certificate cannot be read");
    return out;
}

crl_ptr read_crl(const vault_entry& e, const std::string& pointer) {
    crl_ptr out(PEM_read_bio_X509_CRL(bio_of(e.certificates).get(), nullptr, nullptr, nullptr));
    if (!out) throw unusable(e, pointer, "the revocation list cannot be read");
    return out;
}

std::string common_name(const X509* c) {
    char text[256];
    const int n =
        X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_commonName, text, sizeof text);
    return n > 0 ? std::string(text, static_cast<size_t>(n)) : std::string();
}

std::string distinguished_name(const X509_NAME* n) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), n, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return taken(out.get());
}

std::string pem_of(const STACK_OF(X509) * chain) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    for (int i = 0; i < sk_X509_num(chain); ++i)
        PEM_write_bio_X509(out.get(), sk_X509_value(chain, i));
    return taken(out.get());
}

}  // namespace weft::tls
