#include "certificate.hpp"

#include "limits.hpp"

#include <weft/freed_by.hpp>
#include <weft/text.hpp>

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>
#include <memory>

namespace weft::guard_x509 {
namespace {

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using cert_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bignum_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;

// OPENSSL_free is a macro.
struct openssl_free {
    void operator()(void* p) const { OPENSSL_free(p); }
};

// What a certificate that is wrong leaves in the thread's queue is not for its next user.
struct no_errors_left {
    ~no_errors_left() { ERR_clear_error(); }
};

// For a text that says it is encrypted OpenSSL would ask at the terminal.
int no_password(char*, int, int, void*) {
    return -1;
}

std::string_view bytes_of(const ASN1_STRING* s) {
    const int size = ASN1_STRING_length(s);
    return size > 0 ? std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
                                       static_cast<size_t>(size))
                    : std::string_view();
}

std::optional<std::string> utf8_of(const ASN1_STRING* s) {
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, s);
    const std::unique_ptr<unsigned char, openssl_free> mine(text);
    if (size < 0) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
}

std::string hex_of(const unsigned char* bytes, size_t size) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (size_t i = 0; i < size; ++i) {
        out += digits[bytes[i] >> 4];
        out += digits[bytes[i] & 15];
    }
    return out;
}

std::optional<uint64_t> ms_of(const ASN1_TIME* t) {
    std::tm parts{};
    if (!t || ASN1_TIME_to_tm(t, &parts) != 1) return std::nullopt;
    const time_t seconds = timegm(&parts);
    return seconds > 0 ? static_cast<uint64_t>(seconds) * 1'000 : 0;
}

std::optional<std::string> address_of(std::string_view bytes) {
    char text[INET6_ADDRSTRLEN];
    if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
    if (!inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text))
        return std::nullopt;
    return text;
}

// One certificate, read part by part until one of them says why not.
class reading {
public:
    reading(X509* from, certificate& to) : from_(from), to_(to) {}

    bool all() {
        return times() && name(part::subject, X509_get_subject_name(from_)) &&
               name(part::issuer, X509_get_issuer_name(from_)) && alternative_names() && serial() &&
               fingerprint();
    }
    std::string why() && { return std::move(why_); }

private:
    bool times() {
        const auto begins = ms_of(X509_get0_notBefore(from_));
        const auto ends = ms_of(X509_get0_notAfter(from_));
        if (!begins || !ends) return refuse("its times are none");
        to_.begins_ms = *begins;
        to_.ends_ms = *ends;
        return true;
    }

    bool name(part of, const X509_NAME* n) {
        for (int i = 0; i < X509_NAME_entry_count(n); ++i) {
            const auto* entry = X509_NAME_get_entry(n, i);
            const int what = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
            const auto text = utf8_of(X509_NAME_ENTRY_get_data(entry));
            // What is no text, a bit string say, is in the distinguished name as its bytes.
            if (text && !add(of, what, *text)) return false;
            if (!text && field_of(of, what)) return refuse_field(of, what, "is no text");
        }
        return distinguished_name(of, n);
    }

    // As tls has it: "CN=device-1,O=Example", without a backslash for what is beyond ASCII.
    bool distinguished_name(part of, const X509_NAME* n) {
        const bio_ptr to(BIO_new(BIO_s_mem()));
        if (!to || X509_NAME_print_ex(to.get(), n, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
            return refuse_field(of, whole, "cannot be read");
        char* data = nullptr;
        const long size = BIO_get_mem_data(to.get(), &data);
        return add(of, whole,
                   size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string());
    }

    bool alternative_names() {
        int state = 0;
        const names_ptr all(static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(from_, NID_subject_alt_name, &state, nullptr)));
        constexpr int not_there = -1;
        if (!all && state != not_there)
            return refuse("its alternative names cannot be read, or are there twice");
        for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i)
            if (!alternative_name(*sk_GENERAL_NAME_value(all.get(), i))) return false;
        return true;
    }

    bool alternative_name(const GENERAL_NAME& n) {
        constexpr part of = part::alternative_name;
        if (n.type == GEN_IPADD) {
            auto text = address_of(bytes_of(n.d.iPAddress));
            return text ? add(of, n.type, std::move(*text)) : refuse_field(of, n.type, "is none");
        }
        if (!field_of(of, n.type)) return true;
        const auto text = bytes_of(n.d.ia5);
        const auto ascii = [](char c) { return static_cast<uint8_t>(c) < 0x80; };
        if (!std::all_of(text.begin(), text.end(), ascii))
            return refuse_field(of, n.type, "is no text");
        return add(of, n.type, std::string(text));
    }

    // In hexadecimal, as `openssl x509 -serial` but for the case of its letters.
    bool serial() {
        const bignum_ptr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(from_), nullptr));
        const std::unique_ptr<char, openssl_free> text(number ? BN_bn2hex(number.get()) : nullptr);
        if (!text) return refuse_field(part::serial, whole, "cannot be read");
        return add(part::serial, whole, lower_case(std::string_view(text.get())));
    }

    bool fingerprint() {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (X509_digest(from_, EVP_sha256(), digest, &size) != 1)
            return refuse_field(part::fingerprint, whole, "cannot be made");
        return add(part::fingerprint, whole, hex_of(digest, size));
    }

    // Also of what no option has a name for: it is in the distinguished name.
    bool add(part of, int what, std::string value) {
        if (has_controls(value)) return refuse_field(of, what, "has control characters in it");
        if (value.size() > limits::value_bytes_max) return refuse_field(of, what, "is too long");
        if (++count_ > limits::values_max) return refuse("too many names are in it");
        const auto f = field_of(of, what);
        if (f && !value.empty()) to_.values[*f].push_back(std::move(value));
        return true;
    }

    bool refuse_field(part of, int what, const char* why) {
        const auto f = field_of(of, what);
        const std::string_view unnamed =
            of == part::issuer ? "an attribute of its issuer" : "an attribute of its subject";
        return refuse(std::string(f ? fields[*f].name : unnamed) + " " + why);
    }
    bool refuse(const std::string& why) {
        why_ = "The certificate cannot be used: " + why + ".";
        return false;
    }

    X509* const from_;
    certificate& to_;
    size_t count_ = 0;
    std::string why_;
};

}  // namespace

std::string read_certificate(std::string_view pem, certificate& out) {
    if (pem.empty()) return "Missing certificate.";
    if (pem.size() > limits::pem_bytes_max) return "The certificates are longer than 256 KiB.";
    const no_errors_left after;
    const bio_ptr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const cert_ptr first(in ? PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr) : nullptr);
    if (!first) return "There is no certificate in PEM that can be read.";
    reading r(first.get(), out);
    return r.all() ? std::string() : std::move(r).why();
}

}  // namespace weft::guard_x509
