#include "vault.hpp"

#include <openssl/ocsp.h>
#include <openssl/sha.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace weft::vault_filesystem {
namespace {

// A store is some kilobytes; whatever is larger is something else.
constexpr size_t file_size_max = 16 * 1024 * 1024;

bool same_alias(const std::string& a, const std::string& b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string listed(const std::vector<vault_entry>& entries) {
    std::string out;
    for (const auto& e : entries) out += (out.empty() ? "" : ", ") + e.alias;
    return out.empty() ? "none" : out;
}

const named_file& main_file(const store_config& c) {
    return c.files.front();
}

config_error told(const store_config& c, const store_error& e) {
    const bool file = std::string_view(e.option()) == "store";
    return {file ? main_file(c).option : c.at + "/" + e.option(),
            main_file(c).given + ": " + e.what()};
}

}  // namespace

filesystem_vault::filesystem_vault(const vault_config& c) {
    if (c.keys) add_keys(*c.keys);
    if (c.trust) add_certificates(*c.trust, WEFT_VAULT_TRUST, c.check_revocation);
    if (c.signers) add_certificates(*c.signers, WEFT_VAULT_SIGNER, c.check_revocation);
    if (c.check_revocation && find(WEFT_VAULT_CRL, nullptr, [](const vault_entry&) {}) == 0)
        throw config_error("/options/revocation",
                           "there is no revocation list: put it into a trust or signers store of "
                           "type pem, or name a file with 'crl' there");
}

int32_t filesystem_vault::find(uint32_t kind, const char* alias,
                               const std::function<void(const vault_entry&)>& each) const {
    int32_t found = 0;
    for (const auto& e : entries_) {
        if (e.kind != kind || (alias && !same_alias(e.alias, alias))) continue;
        each(e);
        ++found;
    }
    return found;
}

std::string filesystem_vault::read_file(const named_file& f) {
    if (std::find(files_.begin(), files_.end(), f.path) == files_.end()) files_.push_back(f.path);
    std::ifstream in(f.path, std::ios::binary);
    if (!in) throw config_error(f.option, f.given + ": " + std::strerror(errno));
    std::string bytes;
    char block[16384];
    while (in.read(block, sizeof block) || in.gcount() > 0) {
        bytes.append(block, static_cast<size_t>(in.gcount()));
        if (bytes.size() > file_size_max)
            throw config_error(f.option, f.given + ": is larger than a store may be");
    }
    if (in.bad()) throw config_error(f.option, f.given + ": " + std::strerror(errno));
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum);
    for (const unsigned char b : sum) {
        constexpr char digits[] = "0123456789abcdef";
        digest_ += digits[b >> 4];
        digest_ += digits[b & 15];
    }
    return bytes;
}

contents filesystem_vault::read_store(const store_config& c) {
    std::string bytes;
    for (const auto& f : c.files) bytes += read_file(f);
    try {
        return c.type == store_type::pem ? read_pem(bytes, c.password)
                                         : read_pkcs12(bytes, c.password);
    } catch (const store_error& e) {
        throw told(c, e);
    }
}

void filesystem_vault::add_keys(const store_config& c) {
    const auto all = read_store(c);
    std::vector<vault_entry> found;
    try {
        found = key_entries(all, main_file(c).given, std::time(nullptr));
    } catch (const store_error& e) {
        throw told(c, e);
    }
    if (found.empty())
        throw config_error(main_file(c).option, main_file(c).given + ": there is no key in it");
    if (c.ocsp) {
        if (found.size() != 1)
            throw config_error(c.ocsp->option, "a response is of one key, and " +
                                                   main_file(c).given + " has " +
                                                   std::to_string(found.size()));
        found.front().ocsp = read_file(*c.ocsp);
        const auto* at = reinterpret_cast<const unsigned char*>(found.front().ocsp.data());
        auto* response =
            d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(found.front().ocsp.size()));
        OCSP_RESPONSE_free(response);
        if (!response) {
            ERR_clear_error();
            throw config_error(c.ocsp->option, c.ocsp->given + ": is no OCSP response in DER");
        }
    }
    add(c, std::move(found));
}

void filesystem_vault::add_certificates(const store_config& c, weft_vault_kind kind,
                                        bool with_crls) {
    const auto all = read_store(c);
    auto found = certificate_entries(all, kind, main_file(c).given);
    if (found.empty())
        throw config_error(main_file(c).option, main_file(c).given +
                                                    ": there is no certificate in it that is not "
                                                    "that of a key");
    add(c, std::move(found));
    if (!with_crls) return;
    auto crls = crl_entries(all, main_file(c).given);
    if (c.crl) {
        try {
            for (auto& e : crl_entries(read_pem(read_file(*c.crl), {}), c.crl->given))
                crls.push_back(std::move(e));
        } catch (const store_error& e) {
            throw config_error(c.crl->option, c.crl->given + ": " + e.what());
        }
    }
    std::move(crls.begin(), crls.end(), std::back_inserter(entries_));
}

// `entries` restricts what there is.
void filesystem_vault::add(const store_config& c, std::vector<vault_entry> found) {
    check_entries(c, found);
    for (auto& e : found) {
        const bool wanted = c.entries.empty() || std::any_of(c.entries.begin(), c.entries.end(),
                                                             [&](const std::string& alias) {
                                                                 return same_alias(alias, e.alias);
                                                             });
        if (wanted) entries_.push_back(std::move(e));
    }
}

void filesystem_vault::check_entries(const store_config& c,
                                     const std::vector<vault_entry>& found) const {
    for (size_t i = 0; i < c.entries.size(); ++i) {
        const bool there = std::any_of(found.begin(), found.end(), [&](const vault_entry& e) {
            return same_alias(e.alias, c.entries[i]);
        });
        if (!there)
            throw config_error(c.at + "/entries/" + std::to_string(i),
                               "no entry '" + c.entries[i] + "' in " + main_file(c).given +
                                   " (have: " + listed(found) + ")");
    }
}

}  // namespace weft::vault_filesystem
