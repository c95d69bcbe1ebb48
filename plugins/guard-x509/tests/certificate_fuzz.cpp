// Whatever is shown as a certificate, in PEM or as the bytes inside: it is read or refused, and
// what is read has no control characters.
#include "certificate.hpp"
#include "policy.hpp"

#include <weft/base64.hpp>

#include <algorithm>
#include <cstdlib>

using namespace weft::guard_x509;

namespace {

void read(std::string_view pem, std::string_view pattern) {
    certificate c;
    if (!read_certificate(pem, c).empty()) return;
    const policy p{
        0, {{"x", 1}}, {{"r", {{{0, std::string(pattern)}, {*field_named("san.dns"), "*?"}}}}}};
    weft::identified who;
    static_cast<void>(judge(p, c, c.begins_ms, who));
    for (const auto& values : c.values)
        for (const auto& v : values)
            if (v.empty() || std::any_of(v.begin(), v.end(), [](char b) {
                    return static_cast<unsigned char>(b) < 0x20 || b == 0x7f;
                }))
                std::abort();
}

// OpenSSL reads lines of up to 254 characters.
std::string pem_of(std::string_view der) {
    const auto text = weft::to_base64(der);
    std::string out = "-----BEGIN CERTIFICATE-----\n";
    for (size_t at = 0; at < text.size(); at += 64) out += text.substr(at, 64) + "\n";
    return out + "-----END CERTIFICATE-----\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    read(text, text.substr(0, 20));
    read(pem_of(text), "*,*");
    return 0;
}
