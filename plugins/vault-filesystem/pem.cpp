// PEM files: blocks of certificates, keys and revocation lists in any order, with text between.
#include "store.hpp"

#include <openssl/pem.h>

#include <cstring>

namespace weft::vault_filesystem {
namespace {

constexpr std::string_view begins = "-----BEGIN ", ends = "-----END ", dashes = "-----";

// Tells OpenSSL the password, and remembers that it was asked.
struct asked_password {
    const std::optional<std::string>& password;
    bool asked = false;

    static int give(char* to, int size, int, void* self) {
        auto& p = *static_cast<asked_password*>(self);
        p.asked = true;
        if (!p.password || p.password->size() > static_cast<size_t>(size)) return -1;
        std::memcpy(to, p.password->data(), p.password->size());
        return static_cast<int>(p.password->size());
    }
};

// `openssl pkcs12` writes the alias above the block: "    friendlyName: localhost".
std::string friendly_name(std::string_view between) {
    constexpr std::string_view label = "friendlyName:";
    const auto at = between.rfind(label);
    if (at == std::string_view::npos) return {};
    auto name = between.substr(at + label.size());
    name = name.substr(0, name.find('\n'));
    while (!name.empty() && (name.front() == ' ' || name.front() == '\t')) name.remove_prefix(1);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\r')) name.remove_suffix(1);
    return std::string(name);
}

void read_key(contents& out, BIO* block, std::string alias,
              const std::optional<std::string>& password) {
    asked_password asking{password};
    key_ptr key(PEM_read_bio_PrivateKey(block, nullptr, asked_password::give, &asking));
    if (key) {
        out.keys.push_back({std::move(key), std::move(alias)});
        return;
    }
    const auto reason = take_reason();
    if (asking.asked && !password)
        throw store_error("password", "a key is encrypted, and there is no password");
    if (asking.asked) throw store_error("password", "the password is wrong");
    throw store_error("store", "a private key cannot be read: " + reason);
}

void read_block(contents& out, const std::string& name, const std::string& block, std::string alias,
                const std::optional<std::string>& password) {
    const auto in = bio_of(block);
    if (name.ends_with("PRIVATE KEY")) return read_key(out, in.get(), std::move(alias), password);
    if (name == "CERTIFICATE" || name == "X509 CERTIFICATE" || name == "TRUSTED CERTIFICATE") {
        cert_ptr cert(PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr));
        if (!cert) throw store_error("store", "a certificate cannot be read: " + take_reason());
        out.certs.push_back({std::move(cert), std::move(alias)});
    } else if (name == "X509 CRL") {
        crl_ptr crl(PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr));
        if (!crl) throw store_error("store", "a revocation list cannot be read: " + take_reason());
        out.crls.push_back(std::move(crl));
    }
    // Anything else (parameters, public keys) has no place here and does no harm.
}

}  // namespace

contents read_pem(const std::string& text, const std::optional<std::string>& password) {
    contents out;
    const std::string_view all(text);
    size_t at = 0;
    for (size_t begin; (begin = all.find(begins, at)) != std::string_view::npos;) {
        const size_t name_at = begin + begins.size();
        const size_t name_end = all.find(dashes, name_at);
        const size_t end = all.find(ends, name_at);
        if (name_end == std::string_view::npos || end == std::string_view::npos)
            throw store_error("store", "a block has a beginning and no end");
        const size_t line_end = std::min(all.find('\n', end), all.size());
        const std::string name(all.substr(name_at, name_end - name_at));
        read_block(out, name, std::string(all.substr(begin, line_end - begin)) + "\n",
                   friendly_name(all.substr(at, begin - at)), password);
        at = line_end;
    }
    if (at == 0) throw store_error("store", "it is no PEM: no block begins in it");
    return out;
}

}  // namespace weft::vault_filesystem
