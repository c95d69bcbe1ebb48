#include "config.hpp"

namespace weft::tls {
namespace {

using nlohmann::json;

std::optional<names> list_of(const json& options, const char* name) {
    const auto it = options.find(name);
    if (it == options.end()) return std::nullopt;
    return it->get<names>();
}

protocol version_of(const json& options) {
    const std::string text = options.value("version", "TLS");
    return text == "TLSv1.2"   ? protocol::tls_1_2
           : text == "TLSv1.3" ? protocol::tls_1_3
                               : protocol::any;
}

mutual mutual_of(const json& options, bool trusts) {
    const std::string text = options.value("mutual", trusts ? "required" : "none");
    return text == "required"    ? mutual::required
           : text == "requested" ? mutual::requested
                                 : mutual::none;
}

uint64_t bounded(const binding_config& c, const char* name, int64_t fallback, int64_t max) {
    const int64_t v = c.property(name, fallback);
    if (v < 1 || v > max)
        throw config_error("", std::string("property ") + name + ": " + std::to_string(v) +
                                   " is not allowed (1 to " + std::to_string(max) + ")");
    return static_cast<uint64_t>(v);
}

bool flag(const binding_config& c, const char* name) {
    return c.property(name, std::string("true")) != "false";
}

void read_server(tls_config& out, const binding_config& c) {
    if (c.vault.empty())
        throw config_error("/vault", "'vault' is required: where the keys of a tls server are");
    if (!out.keys && !out.signers)
        throw config_error("/options", "'keys', or 'signers', is required for a tls server");
    if (out.keys && out.signers)
        throw config_error("/options/signers", "'keys' and 'signers' exclude each other");
    out.client_certificate = mutual_of(c.options, out.trust.has_value());
    if (const auto it = c.options.find("authorization"); it != c.options.end()) {
        out.guard = c.qualified(it->begin().key());
        if (out.client_certificate == mutual::none)
            throw config_error("/options/authorization",
                               "there is no certificate to ask the guard about: 'mutual' is none");
    }
    if (out.client_certificate != mutual::none && !out.trust)
        throw config_error("/options/mutual",
                           "'trust' is required, to know whose certificates to accept");
}

}  // namespace

tls_config read_config(const binding_config& c) {
    tls_config out;
    out.is = c.kind == "client" ? kind::client : c.kind == "proxy" ? kind::proxy : kind::server;
    out.binding = c.qualified_name();
    out.vault = c.vault;
    out.version = version_of(c.options);
    out.keys = list_of(c.options, "keys");
    out.signers = list_of(c.options, "signers");
    out.trust = list_of(c.options, "trust");
    out.sni = c.options.value("sni", names());
    out.alpn = c.options.value("alpn", names());
    for (size_t i = 0; i < out.alpn.size(); ++i)
        if (out.alpn[i].empty() || out.alpn[i].size() > 255)
            throw config_error("/options/alpn/" + std::to_string(i),
                               "a protocol has 1 to 255 characters");
    out.routes = read_routes(c);
    out.handshake_timeout_ns = bounded(c, "zilla.binding.tls.handshake.timeout",
                                       handshake_timeout_s, timeout_ms_max / 1000) *
                               1'000'000'000;
    out.close_timeout_ns =
        bounded(c, "zilla.binding.tls.await.sync.close.millis", close_timeout_ms, timeout_ms_max) *
        1'000'000;
    out.handshakes = bounded(c, "zilla.binding.tls.handshakes.max", handshakes_max, 1'000'000);
    out.verify_name = flag(c, "zilla.binding.tls.client.https.identification");
    out.send_name = flag(c, "zilla.binding.tls.client.server.name.indication");
    out.kernel = flag(c, "weft.binding.tls.kernel");
    if (out.is == kind::server) read_server(out, c);
    if (out.is == kind::client) {
        out.trust_system = c.options.value("trustcacerts", !out.trust);
        if (out.vault.empty() && (out.keys || out.trust || out.signers))
            throw config_error("/vault",
                               "'vault' is required: where 'keys', 'trust' and 'signers' "
                               "are");
    }
    return out;
}

}  // namespace weft::tls
