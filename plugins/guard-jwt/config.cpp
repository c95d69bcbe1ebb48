#include "config.hpp"

#include "limits.hpp"

#include <weft/hash.hpp>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace weft::guard_jwt {
namespace {

using nlohmann::json;

bool is_url(std::string_view text) {
    return text.starts_with("https://") || text.starts_with("http://");
}

std::string read_file(const std::string& path, const std::string& file, const std::string& at) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    if (in) out << in.rdbuf();
    if (!in || !out) throw config_error(at, file + ": cannot be read");
    if (out.view().size() > limits::key_set_bytes_max)
        throw config_error(at, file + ": is larger than 1 MiB");
    return out.str();
}

key_set keys_of_file(const std::string& text, const std::string& file, bool symmetric) {
    try {
        if (text.find("-----BEGIN") == text.npos) return read_key_set(text, symmetric);
        key_set out;
        out.add(read_pem(text));
        return out;
    } catch (const std::runtime_error& e) {
        throw config_error("/options/keys", file + ": " + e.what());
    }
}

key_set keys_given(const json& list, bool symmetric) {
    key_set out;
    if (list.size() > limits::keys_max)
        throw config_error("/options/keys",
                           "more than " + std::to_string(limits::keys_max) + " keys");
    for (size_t i = 0; i < list.size(); ++i) {
        const auto at = "/options/keys/" + std::to_string(i);
        try {
            key k = read_jwk(list[i]);
            if (k.is == family::oct && !symmetric)
                throw std::runtime_error(
                    "a symmetric key (kty oct) can make tokens as well as verify them; say "
                    "'symmetric: true' if that is meant");
            out.add(std::move(k));
        } catch (const std::runtime_error& e) {
            throw config_error(at, e.what());
        }
    }
    return out;
}

void read_keys(const entity_config& c, jwt_config& out) {
    const bool symmetric = c.options.value("symmetric", false);
    const auto it = c.options.find("keys");
    if (it == c.options.end()) {
        std::string issuer = out.rules.issuer.value_or("");
        if (!is_url(issuer))
            throw config_error("/options", issuer.empty()
                                               ? "'keys' is required, or an issuer whose URL has "
                                                 "them"
                                               : "'keys' is required: the issuer is no URL that "
                                                 "could have them");
        while (issuer.ends_with('/')) issuer.pop_back();
        out.url = issuer + "/.well-known/jwks.json";
    } else if (it->is_array()) {
        out.keys = keys_given(*it, symmetric);
    } else if (const std::string text = *it; is_url(text)) {
        out.url = text;
    } else {
        const auto path = c.path_of(text);
        const auto content = read_file(path, text, "/options/keys");
        out.keys = keys_of_file(content, text, symmetric);
        out.files.push_back(path);
        out.digest = std::to_string(fnv1a_64(content));
    }
}

void read_trust(const entity_config& c, jwt_config& out) {
    const auto it = c.options.find("trust");
    if (it == c.options.end()) return;
    if (!out.url.starts_with("https:"))
        throw config_error("/options/trust", "it is for keys from an https URL");
    const std::string file = *it;
    out.trust = c.path_of(file);
    const auto content = read_file(out.trust, file, "/options/trust");
    if (content.find("-----BEGIN CERTIFICATE-----") == content.npos)
        throw config_error("/options/trust", file + ": has no certificate in PEM");
    out.files.push_back(out.trust);
    out.digest = std::to_string(fnv1a_64(content));
}

std::optional<std::string> text_at(const json& options, const char* name) {
    const auto it = options.find(name);
    if (it == options.end()) return std::nullopt;
    return it->get<std::string>();
}

}  // namespace

jwt_config read_config(const entity_config& c) {
    const auto& options = c.options;
    jwt_config out;
    out.name = c.qualified_name();
    auto& rules = out.rules;
    rules.issuer = text_at(options, "issuer");
    rules.audience = text_at(options, "audience");
    rules.roles = options.value("roles", rules.roles);
    rules.identity = options.value("identity", rules.identity);
    const auto attributes = options.value("attributes", json::object());
    for (const auto& [name, claim] : attributes.items())
        rules.attributes.emplace_back(name, claim.get<std::string>());
    rules.leeway_ms = options.value("leeway", uint64_t{limits::leeway_s}) * 1'000;
    rules.challenge_ms = options.value("challenge", uint64_t{0}) * 1'000;
    out.refresh_ms = options.value("refresh", uint64_t{limits::refresh_s}) * 1'000;
    read_keys(c, out);
    read_trust(c, out);
    if (!rules.audience)
        out.warnings.emplace_back(
            "no audience: tokens that its issuer made for other services are accepted, too");
    if (out.url.starts_with("http://"))
        out.warnings.emplace_back(
            "the keys come over plain http: whoever is on the way can put "
            "in others");
    return out;
}

}  // namespace weft::guard_jwt
