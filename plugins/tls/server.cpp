#include "server.hpp"

#include "ticket.hpp"

#include <algorithm>

namespace weft::tls {

endpoint* server_hub::accept(stream s, const weft_begin& b) {
    auto* made = new server_session(*this, contexts.get(), b);
    return made->take(s);
}

server_session::server_session(server_hub& h, std::shared_ptr<const context> c, const weft_begin& b)
    : session(h, std::move(c)), trace_(b.h.trace_id), affinity_(b.affinity), auth_(b.h.auth) {
    const meta_view<weft_tcp_begin> m(b.h.meta);
    if (!m) return;
    local_ = m.text(m->local_host);
    remote_ = m.text(m->remote_host);
    local_port_ = m->local_port;
    remote_port_ = m->remote_port;
    net_takes_keys_ = m->flags & WEFT_TCP_TAKES_TLS_KEYS;
}

endpoint* server_session::take(stream net) {
    const auto& routes = hub_.config.routes;
    const bool any = std::any_of(routes.begin(), routes.end(),
                                 [&](const route& r) { return r.matches_port(local_port_); });
    facts_.port = local_port_;
    if (!any || !prepare()) {
        delete this;
        return nullptr;
    }
    SSL_set_accept_state(ssl_.get());
    net_ = net;
    net_open_ = true;
    net_.begin(nullptr, trace_);
    start();
    return &net_end_;
}

std::string server_session::peer() const {
    const char* asked = ssl_ ? SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
    return "peer " +
           (remote_.empty() ? "unknown" : remote_ + " port " + std::to_string(remote_port_)) +
           (asked ? std::string(", SNI ") + asked : ", no SNI");
}

void server_session::established() {
    if (hub_.config.guard.empty()) return route_on();
    const auto chain = verified_chain_of(ssl_.get());
    if (!chain) return route_on();
    ask_guard(pem_of(chain.get()));
}

void server_session::ask_guard(const std::string& pem) {
    weft_guard_request q{};
    q.size = sizeof q;
    q.context = reinterpret_cast<uint64_t>(this);
    q.credentials = borrowed(pem);
    q.remote = remote_.c_str();
    asking_ = true;
    verify(hub_.here, hub_.config.guard, q, [this](auth_ref who, std::string_view why) {
        asking_ = false;
        if (!net_open_) return free_if_closed();
        if (phase_ != phase::waiting) return;
        if (!who.id()) {
            hub_.tell({"binding.tls.peer.not.authorized",
                       "The guard refused the peer's certificate.", std::string(why)},
                      peer());
            return close_quietly();
        }
        auth_ = who.id();
        session_of_guard_ = std::move(who);
        route_on();
    });
}

bool server_session::trusts(const std::string& alias) const {
    const auto chain = verified_chain_of(ssl_.get());
    return chain && context_->chain_has(chain.get(), alias);
}

void server_session::first_byte_seen(uint8_t first) {
    speaks_ = protocol_of(first);
    route_on();
}

void server_session::route_on() {
    SSL* s = ssl_.get();
    const char* asked = SSL_get_servername(s, TLSEXT_NAMETYPE_host_name);
    const unsigned char* protocol = nullptr;
    unsigned protocol_size = 0;
    SSL_get0_alpn_selected(s, &protocol, &protocol_size);
    const X509* shown = SSL_get0_peer_certificate(s);

    facts f;
    f.port = local_port_;
    if (asked) f.authority = asked;
    if (protocol_size)
        f.alpn = std::string_view(reinterpret_cast<const char*>(protocol), protocol_size);
    f.certificate = shown != nullptr;
    f.speaks = speaks_;
    f.ctx = this;
    f.trusted_by = [](const void* self, const std::string& alias) {
        return static_cast<const server_session*>(self)->trusts(alias);
    };
    if (needs_protocol(hub_.config.routes, f, hub_.here, auth_)) return listen();
    const auto* to = find_route(hub_.config.routes, f, hub_.here, auth_);
    if (!to) {
        hub_.tell(
            {"binding.tls.route.refused", "No route takes the connection.",
             (f.alpn ? "ALPN " + std::string(*f.alpn) : std::string("no ALPN")) +
                 (speaks_ == first_protocol::unknown ? ", begins as neither http nor mqtt" : "")},
            peer());
        SSL_shutdown(s);
        return close_quietly();
    }
    meta_writer<weft_tls_begin> m;
    m->local_port = local_port_;
    m->remote_port = remote_port_;
    m->resumed = SSL_session_reused(s) ? 1 : 0;
    m->local_host = m.text_unless_empty(local_);
    m->remote_host = m.text_unless_empty(remote_);
    if (asked) m->authority = m.text_unless_empty(asked);
    if (f.alpn) m->alpn = m.text_unless_empty(*f.alpn);
    m->version = m.text_unless_empty(SSL_get_version(s));
    m->cipher = m.text_unless_empty(SSL_get_cipher_name(s));
    if (shown) m->peer_name = m.text_unless_empty(common_name(shown));
    app_open_ = true;
    app_ = hub_.here.open(to->exit, app_end_, m.get(), trace_, auth_, affinity_);
    open_up();
}

}  // namespace weft::tls
