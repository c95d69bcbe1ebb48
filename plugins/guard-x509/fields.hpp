// The fields of a certificate, by the names that options have for them.
#pragma once

#include <openssl/obj_mac.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::guard_x509 {

enum class part : uint8_t { subject, issuer, alternative_name, serial, fingerprint };

// `what` in a part that is one: the distinguished name, the serial number.
inline constexpr int whole = -1;

struct field {
    std::string_view name;
    part of;
    int what;  // the NID of an attribute, the GEN_ type of an alternative name, or whole
};

inline constexpr std::array fields{
    field{"subject.dn", part::subject, whole},
    field{"subject.cn", part::subject, NID_commonName},
    field{"subject.o", part::subject, NID_organizationName},
    field{"subject.ou", part::subject, NID_organizationalUnitName},
    field{"subject.c", part::subject, NID_countryName},
    field{"subject.l", part::subject, NID_localityName},
    field{"subject.st", part::subject, NID_stateOrProvinceName},
    field{"subject.emailAddress", part::subject, NID_pkcs9_emailAddress},
    field{"subject.serialNumber", part::subject, NID_serialNumber},
    field{"subject.uid", part::subject, NID_userId},
    field{"subject.dc", part::subject, NID_domainComponent},
    field{"san.dns", part::alternative_name, GEN_DNS},
    field{"san.email", part::alternative_name, GEN_EMAIL},
    field{"san.uri", part::alternative_name, GEN_URI},
    field{"san.ip", part::alternative_name, GEN_IPADD},
    field{"serial", part::serial, whole},
    field{"fingerprint.sha256", part::fingerprint, whole},
    field{"issuer.dn", part::issuer, whole},
    field{"issuer.cn", part::issuer, NID_commonName},
    field{"issuer.o", part::issuer, NID_organizationName},
    field{"issuer.ou", part::issuer, NID_organizationalUnitName},
    field{"issuer.c", part::issuer, NID_countryName},
    field{"issuer.l", part::issuer, NID_localityName},
    field{"issuer.st", part::issuer, NID_stateOrProvinceName},
    field{"issuer.emailAddress", part::issuer, NID_pkcs9_emailAddress},
    field{"issuer.serialNumber", part::issuer, NID_serialNumber},
    field{"issuer.uid", part::issuer, NID_userId},
    field{"issuer.dc", part::issuer, NID_domainComponent},
};

// A place in `fields`.
using field_id = size_t;

std::optional<field_id> field_named(std::string_view name);
std::optional<field_id> field_of(part of, int what);
// For people: all of the names, in one line.
std::string names_of_fields();

}  // namespace weft::guard_x509
