// What is read of a certificate, field by field, and which certificates are not.
#include "certificate.hpp"

#include "limits.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <certificates.hpp>

#include <ctime>

namespace weft::guard_x509 {
namespace {

using tests::wanted;

std::string pem_of(const wanted& w) {
    return tests::make_certificate(w).cert_pem();
}
std::string der_of(const wanted& w) {
    const auto made = tests::make_certificate(w);
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(made.cert.get(), &bytes);
    std::string out(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    OPENSSL_free(bytes);
    return out;
}
std::string pem_of_der(const std::string& der) {
    return tests::identity::pem([&](BIO* to) {
        return PEM_write_bio(to, "CERTIFICATE", "",
                             reinterpret_cast<const unsigned char*>(der.data()),
                             static_cast<long>(der.size()));
    });
}
// `w` with other bytes in it, which no CA of ours would write; nobody looks at the signature.
std::string forged(const wanted& w, const std::string& from, const std::string& to) {
    auto der = der_of(w);
    const size_t at = der.find(from);
    EXPECT_NE(at, der.npos);
    der.replace(at, from.size(), to);
    return pem_of_der(der);
}
certificate read(const std::string& pem) {
    certificate out;
    EXPECT_EQ(read_certificate(pem, out), "");
    return out;
}
std::string refusal(const std::string& pem) {
    certificate out;
    return read_certificate(pem, out);
}
// "a|b", the values of a field.
std::string values(const certificate& c, std::string_view name) {
    std::string out;
    for (const auto& v : c.of(field_named(name).value())) out += (out.empty() ? "" : "|") + v;
    return out;
}
wanted device() {
    wanted w;
    w.name = "device-1";
    return w;
}

TEST(certificate, every_field) {
    auto issuer = wanted();
    issuer.name = "Devices CA";
    issuer.ca = true;
    issuer.subject = {{"O", "Example"}, {"C", "DE"}, {"DC", "ca"}};
    const auto ca = tests::make_certificate(issuer);
    auto w = device();
    w.issuer = &ca;
    w.subject = {{"O", "Example, Inc"}, {"OU", "north"},       {"OU", "roof"},
                 {"C", "DE"},           {"L", "München"},      {"ST", "Bayern"},
                 {"DC", "example"},     {"DC", "org"},         {"emailAddress", "d@example.org"},
                 {"UID", "u-7"},        {"serialNumber", "S7"}};
    w.alternatives =
        "URI:spiffe://example.org/d1,URI:urn:x:1,email:a@example.org,IP:192.0.2.7,"
        "IP:2001:db8::1,DNS:one.example";
    w.dns = {"*.two.example"};
    const auto made = tests::make_certificate(w);
    const auto c = read(made.cert_pem());
    EXPECT_EQ(values(c, "subject.dn"),
              "serialNumber=S7,UID=u-7,emailAddress=d@example.org,DC=org,DC=example,ST=Bayern,"
              "L=München,C=DE,OU=roof,OU=north,O=Example\\, Inc,CN=device-1");
    EXPECT_EQ(values(c, "subject.cn"), "device-1");
    EXPECT_EQ(values(c, "subject.o"), "Example, Inc");
    EXPECT_EQ(values(c, "subject.ou"), "north|roof");
    EXPECT_EQ(values(c, "subject.c"), "DE");
    EXPECT_EQ(values(c, "subject.l"), "München");
    EXPECT_EQ(values(c, "subject.st"), "Bayern");
    EXPECT_EQ(values(c, "subject.dc"), "example|org");
    EXPECT_EQ(values(c, "subject.emailAddress"), "d@example.org");
    EXPECT_EQ(values(c, "subject.uid"), "u-7");
    EXPECT_EQ(values(c, "subject.serialNumber"), "S7");
    EXPECT_EQ(values(c, "issuer.dn"), "DC=ca,C=DE,O=Example,CN=Devices CA");
    EXPECT_EQ(values(c, "issuer.cn"), "Devices CA");
    EXPECT_EQ(values(c, "issuer.o"), "Example");
    EXPECT_EQ(values(c, "issuer.c"), "DE");
    EXPECT_EQ(values(c, "issuer.dc"), "ca");
    for (const char* none : {"ou", "l", "st", "emailAddress", "serialNumber", "uid"})
        EXPECT_EQ(values(c, std::string("issuer.") + none), "") << none;
    EXPECT_EQ(values(c, "san.dns"), "one.example|*.two.example");
    EXPECT_EQ(values(c, "san.uri"), "spiffe://example.org/d1|urn:x:1");
    EXPECT_EQ(values(c, "san.email"), "a@example.org");
    EXPECT_EQ(values(c, "san.ip"), "192.0.2.7|2001:db8::1");
}

TEST(certificate, serial_and_fingerprint_as_openssl_has_them) {
    const auto made = tests::make_certificate(device());
    const char* const serial = "0abcdef012345678909f";
    BIGNUM* number = nullptr;
    BN_hex2bn(&number, serial);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made.cert.get()));
    BN_free(number);
    const auto c = read(made.cert_pem());
    EXPECT_EQ(values(c, "serial"), serial);
    unsigned char* der = nullptr;
    const int size = i2d_X509(made.cert.get(), &der);
    unsigned char digest[32];
    EVP_Digest(der, static_cast<size_t>(size), digest, nullptr, EVP_sha256(), nullptr);
    OPENSSL_free(der);
    std::string hex;
    for (const unsigned char b : digest) {
        char two[3];
        snprintf(two, sizeof two, "%02x", b);
        hex += two;
    }
    EXPECT_EQ(values(c, "fingerprint.sha256"), hex);
}

TEST(certificate, its_time) {
    auto w = device();
    w.from_s = -100;
    w.until_s = 200;
    const auto c = read(pem_of(w));
    EXPECT_EQ(c.ends_ms - c.begins_ms, 300'000u);
    EXPECT_NEAR(static_cast<double>(c.ends_ms) / 1'000, static_cast<double>(time(nullptr)) + 200,
                10);
    const auto made = tests::make_certificate(w);
    ASN1_TIME_set_string_X509(X509_getm_notAfter(made.cert.get()), "99991231235959Z");
    EXPECT_EQ(read(made.cert_pem()).ends_ms, 253'402'300'799'000u) << "RFC 5280: without an end";
}

TEST(certificate, the_first_one_counts) {
    auto other = device();
    other.name = "other";
    const auto first = pem_of(device()), second = pem_of(other);
    EXPECT_EQ(values(read(first + second), "subject.cn"), "device-1");
    EXPECT_EQ(values(read("said before\n" + first + "garbage"), "subject.cn"), "device-1");
    const auto broken = pem_of_der(der_of(device()).substr(0, 100));
    EXPECT_NE(refusal(broken + second), "") << "the next one is not who it is";
}

TEST(certificate, names_without_a_text_are_none) {
    wanted w;
    w.name = "";
    w.alternatives = "DNS:d";
    const auto c = read(pem_of(w));
    EXPECT_EQ(values(c, "subject.dn") + values(c, "subject.cn"), "");
    EXPECT_EQ(values(c, "san.dns"), "d");
}

TEST(certificate, names_with_control_characters) {
    using namespace std::string_literals;
    for (const auto& bad : {"a\0b"s, "a\nb"s, "\x7f"s, "a\xc2\x85"s}) {
        auto w = device();
        w.name = bad;
        EXPECT_EQ(refusal(pem_of(w)),
                  "The certificate cannot be used: subject.cn has control characters in it.");
        w = device();
        w.subject = {{"title", bad}};
        EXPECT_EQ(refusal(pem_of(w)),
                  "The certificate cannot be used: an attribute of its "
                  "subject has control characters in it.");
    }
    auto w = device();
    w.dns = {"boss.x.example"};
    EXPECT_EQ(refusal(forged(w, "boss.x", "boss\0x"s)),
              "The certificate cannot be used: san.dns has control characters in it.");
}

TEST(certificate, names_that_are_no_text) {
    // OpenSSL itself does not read these.
    constexpr const char* none = "There is no certificate in PEM that can be read.";
    EXPECT_EQ(refusal(forged(device(), "device-1", "devic\xff-1")), none);
    EXPECT_EQ(refusal(forged(device(), "device-1", "\xed\xa0\x80vice")), none) << "a surrogate";
    auto w = device();
    w.dns = {"boss.example"};
    EXPECT_EQ(refusal(forged(w, "boss.", "bos\xff.")),
              "The certificate cannot be used: san.dns is no text.");
    w.dns = {};
    w.alternatives = "IP:192.0.2.7";
    EXPECT_EQ(refusal(forged(w, "\x87\x04\xc0", "\x87\x03\xc0")).substr(0, 50),
              "The certificate cannot be used: its alternative na");
}

TEST(certificate, what_is_too_much) {
    auto w = device();
    w.alternatives = "URI:urn:" + std::string(limits::value_bytes_max, 'x');
    EXPECT_EQ(refusal(pem_of(w)), "The certificate cannot be used: san.uri is too long.");
    w.alternatives.clear();
    w.dns.assign(limits::values_max + 1, "d");
    EXPECT_EQ(refusal(pem_of(w)), "The certificate cannot be used: too many names are in it.");
    EXPECT_EQ(refusal(pem_of(device()) + std::string(limits::pem_bytes_max, ' ')),
              "The certificates are longer than 256 KiB.");
}

TEST(certificate, what_is_none) {
    constexpr const char* none = "There is no certificate in PEM that can be read.";
    EXPECT_EQ(refusal(""), "Missing certificate.");
    for (const char* bad :
         {"device-1", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n",
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
        EXPECT_EQ(refusal(bad), none) << bad;
    const auto made = tests::make_certificate(device());
    EXPECT_EQ(refusal(made.key_pem()), none);
    EXPECT_EQ(refusal(der_of(device())), none);
    EXPECT_EQ(ERR_peek_error(), 0u) << "the thread's queue is for others, too";
}

TEST(certificate, nobody_is_asked_for_a_password) {
    auto pem = pem_of(device());
    pem.insert(
        pem.find('\n') + 1,
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n");
    EXPECT_EQ(refusal(pem), "There is no certificate in PEM that can be read.");
}

TEST(certificate, any_byte_may_be_another) {
    auto w = device();
    w.subject = {{"OU", "north"}};
    w.alternatives = "URI:urn:x,IP:192.0.2.7,email:a@b,DNS:d.example";
    const auto der = der_of(w);
    size_t is_read = 0;
    for (size_t at = 0; at < der.size(); ++at) {
        for (const int other : {0x00, 0x01, 0x1f, 0x30, 0x7f, 0x80, 0x84, 0xff}) {
            auto bytes = der;
            bytes[at] = static_cast<char>(other);
            is_read += refusal(pem_of_der(bytes)).empty() ? 1 : 0;
        }
        if (at == 0) continue;  // OpenSSL writes no PEM of nothing
        EXPECT_NE(refusal(pem_of_der(der.substr(0, at))), "");
    }
    EXPECT_GT(is_read, der.size()) << "of keys and signatures any byte will do";
    const auto pem = pem_of(w);
    for (size_t at = 0; at < pem.size(); ++at) {
        auto text = pem;
        text[at] = '\0';
        static_cast<void>(refusal(text));
        static_cast<void>(refusal(pem.substr(0, at)));
    }
    EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(certificate, names_of_fields) {
    EXPECT_EQ(fields[field_named("subject.emailAddress").value()].what, NID_pkcs9_emailAddress);
    for (const char* none : {"", "subject", "subject.", "cn", "Subject.cn", "subject.cn ", "san"})
        EXPECT_FALSE(field_named(none)) << none;
    EXPECT_TRUE(names_of_fields().starts_with("subject.dn, subject.cn, "));
}

}  // namespace
}  // namespace weft::guard_x509
