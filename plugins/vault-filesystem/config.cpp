#include "config.hpp"

namespace weft::vault_filesystem {
namespace {

using nlohmann::json;

named_file file_at(const entity_config& c, const json& store, const std::string& at,
                   const char* name) {
    const std::string given = store.at(name);
    return {at + "/" + name, given, c.path_of(given)};
}

std::optional<store_config> read_store(const entity_config& c, const char* name) {
    const auto it = c.options.find(name);
    if (it == c.options.end()) return std::nullopt;
    store_config out;
    out.at = std::string("/options/") + name;
    const std::string type = it->value("type", "pkcs12");
    if (type == "jks")
        throw config_error(out.at + "/type",
                           "a store of type jks cannot be read; make a pkcs12 of it: keytool "
                           "-importkeystore -srckeystore FILE -destkeystore FILE.p12 "
                           "-deststoretype pkcs12");
    out.type = type == "pem" ? store_type::pem : store_type::pkcs12;
    for (const char* file : {"store", "key", "cert"}) {
        if (!it->contains(file)) continue;
        if (out.type == store_type::pkcs12 && std::string_view(file) != "store")
            throw config_error(out.at + "/" + file,
                               std::string("'") + file + "' is for a store of type pem");
        out.files.push_back(file_at(c, *it, out.at, file));
    }
    if (out.files.empty()) throw config_error(out.at, "'store' is required, or 'key' and 'cert'");
    if (it->contains("store") && it->contains("key"))
        throw config_error(out.at + "/key", "'store' names the file of the keys already");
    if (it->contains("password")) out.password = it->at("password").get<std::string>();
    out.entries = it->value("entries", std::vector<std::string>());
    if (it->contains("crl")) out.crl = file_at(c, *it, out.at, "crl");
    if (it->contains("ocsp")) out.ocsp = file_at(c, *it, out.at, "ocsp");
    return out;
}

}  // namespace

vault_config read_config(const entity_config& c) {
    if (c.options.contains("secrets"))
        throw config_error("/options/secrets", "'secrets' is known to Zilla but not supported");
    vault_config out{read_store(c, "keys"), read_store(c, "trust"), read_store(c, "signers"),
                     c.options.contains("revocation")};
    return out;
}

}  // namespace weft::vault_filesystem
