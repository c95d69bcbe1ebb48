// origin: who is at the other end of a connection, whatever carried its bytes here: tcp alone, tls,
// http or ws over either. Each binding on the way passes on what it was told.
#pragma once

#include <weft/meta.hpp>

#include <string>
#include <string_view>

namespace weft {

// Text of `Text`: std::string_view looks into the metadata, std::string keeps it.
template <class Text>
struct basic_origin {
    Text local_host{}, remote_host{};
    uint16_t local_port = 0, remote_port = 0;
    Text tls_version{}, tls_cipher{}, tls_peer_name{};
    Text tls_authority{}, tls_alpn{};  // asked for by SNI; agreed upon

    bool encrypted() const { return !tls_version.empty(); }
    // "10.0.0.1:5000", "[::1]:5000"; empty when it is not known.
    std::string peer() const {
        if (remote_host.empty()) return {};
        const std::string host(remote_host);
        return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
               std::to_string(remote_port);
    }
};
using origin = basic_origin<std::string_view>;
using kept_origin = basic_origin<std::string>;

inline kept_origin keep(const origin& o) {
    return {std::string(o.local_host),
            std::string(o.remote_host),
            o.local_port,
            o.remote_port,
            std::string(o.tls_version),
            std::string(o.tls_cipher),
            std::string(o.tls_peer_name),
            std::string(o.tls_authority),
            std::string(o.tls_alpn)};
}

namespace detail {

template <class T>
void read_addresses(const meta_view<T>& m, origin& out) {
    out.local_host = m.text(m->local_host);
    out.remote_host = m.text(m->remote_host);
    out.local_port = m->local_port;
    out.remote_port = m->remote_port;
}
template <class T>
void read_tls(const meta_view<T>& m, origin& out) {
    out.tls_version = m.text(m->tls_version);
    out.tls_cipher = m.text(m->tls_cipher);
    out.tls_peer_name = m.text(m->tls_peer_name);
    out.tls_authority = m.text(m->tls_authority);
    out.tls_alpn = m.text(m->tls_alpn);
}

}  // namespace detail

// What a BEGIN says of it. Looks into the block.
inline origin origin_of(const weft_meta* m) {
    origin out;
    if (const meta_view<weft_tcp_begin> tcp(m); tcp) detail::read_addresses(tcp, out);
    if (const meta_view<weft_tls_begin> tls(m); tls) {
        detail::read_addresses(tls, out);
        out.tls_version = tls.text(tls->version);
        out.tls_cipher = tls.text(tls->cipher);
        out.tls_peer_name = tls.text(tls->peer_name);
        out.tls_authority = tls.text(tls->authority);
        out.tls_alpn = tls.text(tls->alpn);
    }
    if (const meta_view<weft_http_begin> http(m); http) {
        detail::read_addresses(http, out);
        detail::read_tls(http, out);
    }
    if (const meta_view<weft_ws_begin> ws(m); ws) {
        detail::read_addresses(ws, out);
        detail::read_tls(ws, out);
    }
    return out;
}

// Into http.begin or ws.begin.
template <class T, class Text>
void write_origin(meta_writer<T>& m, const basic_origin<Text>& o) {
    m->local_port = o.local_port;
    m->remote_port = o.remote_port;
    m->local_host = m.text_unless_empty(o.local_host);
    m->remote_host = m.text_unless_empty(o.remote_host);
    m->tls_version = m.text_unless_empty(o.tls_version);
    m->tls_cipher = m.text_unless_empty(o.tls_cipher);
    m->tls_peer_name = m.text_unless_empty(o.tls_peer_name);
    m->tls_authority = m.text_unless_empty(o.tls_authority);
    m->tls_alpn = m.text_unless_empty(o.tls_alpn);
}

}  // namespace weft
