#include "sasl_config.hpp"

#include <algorithm>
#include <array>

namespace weft::kafka {

namespace {

using nlohmann::json;

constexpr char identity_place[] = "{identity}", credentials_place[] = "{credentials}";

std::string mechanism_of(const std::string& name, const std::string& path) {
    if (name == "plain") return "PLAIN";
    if (name == "scram-sha-1") return "SCRAM-SHA-1";
    if (name == "scram-sha-256") return "SCRAM-SHA-256";
    if (name == "scram-sha-512") return "SCRAM-SHA-512";
    if (name == "oauthbearer") return "OAUTHBEARER";
    throw config_error(path, "SASL mechanism '" + name +
                                 "' is not supported (have: plain, scram-sha-1, scram-sha-256, "
                                 "scram-sha-512, oauthbearer)");
}

std::string needed(const json& c, const char* key, const std::string& path) {
    const auto it = c.find(key);
    if (it == c.end()) throw config_error(path, std::string("'") + key + "' is missing");
    auto text = it->get<std::string>();
    if (text.empty()) throw config_error(path + "/" + key, std::string("'") + key + "' is empty");
    // librdkafka's texts end at a NUL: a shorter password would be sent.
    if (text.find('\0') != text.npos)
        throw config_error(path + "/" + key, std::string("'") + key + "' has a NUL in it");
    return text;
}

token_endpoint_config endpoint_of(const binding_config& b, const json& c, const std::string& path) {
    token_endpoint_config out;
    out.url = needed(c, "url", path);
    if (out.url.find('@') != out.url.npos)
        throw config_error(
            path + "/url",
            "credentials belong into 'clientId' and 'clientSecret', not into the URL");
    if (!out.url.starts_with("https://") && !out.url.starts_with("http://"))
        throw config_error(path + "/url", "'" + out.url + "' is no https or http URL");
    out.client_id = needed(c, "clientId", path);
    out.client_secret = needed(c, "clientSecret", path);
    out.scope = c.value("scope", std::string());
    if (c.contains("trust")) {
        if (!out.url.starts_with("https:"))
            throw config_error(path + "/trust", "it is for an https URL");
        out.trust = b.path_of(needed(c, "trust", path));
    }
    return out;
}

void read_bearer(sasl_config& out, const binding_config& b, const json& c,
                 const std::string& path) {
    constexpr std::array kinds{"token", "tokenFile", "tokenEndpoint"};
    const auto given = std::count_if(kinds.begin(), kinds.end(),
                                     [&](const char* kind) { return c.contains(kind); });
    if (given != 1)
        throw config_error(path,
                           "oauthbearer needs one of 'token', 'tokenFile' and 'tokenEndpoint'");
    for (const auto* key : {"username", "password"})
        if (c.contains(key))
            throw config_error(path + "/" + key,
                               std::string("'") + key + "' is not for oauthbearer: a token is");
    if (c.contains("token")) out.token = needed(c, "token", path);
    if (c.contains("tokenFile")) out.token_file = b.path_of(needed(c, "tokenFile", path));
    if (c.contains("tokenEndpoint"))
        out.token_endpoint = endpoint_of(b, c["tokenEndpoint"], path + "/tokenEndpoint");
    const auto extensions = c.value("extensions", json::object());
    for (const auto& [name, value] : extensions.items()) {
        const auto at = path + "/extensions/" + name;
        if (name.empty() || name == "auth" || !std::all_of(name.begin(), name.end(), [](char x) {
                return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z');
            }))
            throw config_error(at, "an extension's name has letters only, and is not 'auth'");
        out.extensions.push_back(name);
        out.extensions.push_back(value.get<std::string>());
    }
}

sasl_config read_credentials(const binding_config& b, const json& c, const std::string& path) {
    sasl_config out;
    out.mechanism = mechanism_of(c.at("mechanism").get<std::string>(), path + "/mechanism");
    if (out.bearer()) {
        read_bearer(out, b, c, path);
        return out;
    }
    for (const auto* key : {"token", "tokenFile", "tokenEndpoint", "extensions"})
        if (c.contains(key))
            throw config_error(path + "/" + key,
                               std::string("'") + key + "' is for mechanism oauthbearer alone");
    out.username = needed(c, "username", path);
    out.password = needed(c, "password", path);
    return out;
}

// The newer form names a guard, whose identity and credentials stand where the whole text is their
// place.
sasl_config read_authorization(const binding_config& b, const json& authorization) {
    const std::string guard = authorization.begin().key();
    const auto& entry = authorization.begin().value();
    auto out = read_credentials(b, entry.at("credentials"),
                                "/options/authorization/" + guard + "/credentials");
    out.guards_identity = out.username == identity_place;
    out.guards_credentials = out.password == credentials_place || out.token == credentials_place;
    if (out.guards_identity) out.username.clear();
    if (out.guards_credentials) {
        out.password.clear();
        out.token.clear();
    }
    if (out.asks_guard()) out.guard = b.qualified(guard);
    return out;
}

}  // namespace

std::optional<sasl_config> read_sasl(const binding_config& c) {
    const bool older = c.options.contains("sasl"), newer = c.options.contains("authorization");
    if (older && newer)
        throw config_error("/options/authorization",
                           "'sasl' and 'authorization' exclude each other");
    if (older) return read_credentials(c, c.options["sasl"], "/options/sasl");
    if (newer) return read_authorization(c, c.options["authorization"]);
    return std::nullopt;
}

}  // namespace weft::kafka
