#include "client.hpp"

#include <arpa/inet.h>

#include <cerrno>
#include <cstring>

namespace weft::tls {
namespace {

bool is_address(const std::string& host) {
    unsigned char bytes[16];
    return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// "${guarded['g'].identity}" and "${guarded['g'].attributes.name}" (also with two braces), of the
// session behind a stream; what it does not have is empty.
std::string expand(const std::string& text, const weft_guard_session* s) {
    constexpr std::string_view opening = "guarded['", attributes = "attributes.";
    const auto begin = text.find(opening);
    const auto from = text.rfind("${", begin);
    const auto close = text.find("'].", begin);
    const auto end = text.find('}', close);
    if (begin == std::string::npos || from == std::string::npos || close == std::string::npos ||
        end == std::string::npos)
        return text;
    auto after = end;
    while (after < text.size() && text[after] == '}') ++after;
    const std::string what = text.substr(close + 3, end - close - 3);
    const auto guard = text.substr(begin + opening.size(), close - begin - opening.size());
    std::string value;
    const std::string_view by = s ? s->guard : "";
    if (s && (by == guard || by.substr(by.find(':') + 1) == guard)) {
        if (what == "identity") value = s->identity;
        if (what.starts_with(attributes)) value = attribute_of(*s, what.substr(attributes.size()));
    }
    return text.substr(0, from) + value + text.substr(after);
}

// Metadata of one neighbour for another: whose hop it was of does not hold there.
std::vector<uint64_t> passed_on(const weft_meta* m) {
    std::vector<uint64_t> out;
    if (!m) return out;
    out.resize((m->size + 7) / 8);
    std::memcpy(out.data(), m, m->size);
    const meta_view<weft_tcp_begin> tcp(reinterpret_cast<const weft_meta*>(out.data()));
    if (tcp && tcp->m.fixed >= sizeof(weft_tcp_begin))
        reinterpret_cast<weft_tcp_begin*>(out.data())->flags = 0;
    return out;
}

const weft_meta* meta_in(const std::vector<uint64_t>& words) {
    return words.empty() ? nullptr : reinterpret_cast<const weft_meta*>(words.data());
}

}  // namespace

endpoint* client_hub::accept(stream s, const weft_begin& b) {
    auto* made = new client_session(*this, contexts.get(), s, b);
    return made->take(b);
}

void client_hub::remember(const std::string& key, ssl_session_ptr s) {
    if (remembered_.size() >= remembered_sessions_max && !remembered_.contains(key))
        remembered_.erase(remembered_.begin());
    remembered_[key] = std::move(s);
}

// RFC 8446, C.4: a ticket is used once.
ssl_session_ptr client_hub::take(const std::string& key) {
    const auto it = remembered_.find(key);
    if (it == remembered_.end()) return nullptr;
    auto out = std::move(it->second);
    remembered_.erase(it);
    return out;
}

client_session::client_session(client_hub& h, std::shared_ptr<const context> c, stream app,
                               const weft_begin& b)
    : session(h, std::move(c)), clients_(h), auth_(b.h.auth) {
    const meta_view<weft_tcp_begin> m(b.h.meta);
    if (m) {
        host_ = m.text(m->remote_host);
        port_ = m->remote_port;
    }
    const auto& sni = h.config.sni;
    name_ = sni.empty() ? host_ : sni.front();
    if (name_.ends_with('.')) name_.pop_back();
    app_ = app;
}

endpoint* client_session::take(const weft_begin& b) {
    facts f;
    f.port = port_;
    if (!name_.empty()) f.authority = name_;
    const auto& offered = hub_.config.alpn;
    route_ = find_route(hub_.config.routes, f, hub_.here, auth_);
    for (size_t i = 0; !route_ && i < offered.size(); ++i) {
        f.alpn = offered[i];
        route_ = find_route(hub_.config.routes, f, hub_.here, auth_);
    }
    if (!route_) {
        delete this;
        return nullptr;
    }
    app_open_ = net_open_ = true;
    net_ = hub_.here.open(route_->exit, net_end_, meta_in(passed_on(b.h.meta)), b.h.trace_id, auth_,
                          b.affinity);
    return &app_end_;
}

void client_session::net_begun(const weft_begin& b) {
    if (phase_ != phase::before) return;
    answer_ = passed_on(b.h.meta);
    if (const meta_view<weft_tcp_begin> m(b.h.meta); m)
        net_takes_keys_ = m->flags & WEFT_TCP_TAKES_TLS_KEYS;
    if (!prepare()) {
        tell_app({"", "", "too many handshakes are under way"});
        return close_quietly();
    }
    facts_.port = port_;
    facts_.owner = this;
    facts_.remember = &client_session::remember;
    SSL_set_connect_state(ssl_.get());
    show_certificate();
    set_name();
    key_ += name_ + ":" + std::to_string(port_) + ":" + std::to_string(route_->exit);
    if (const auto before = clients_.take(key_)) SSL_set_session(ssl_.get(), before.get());
    start();
}

void client_session::set_name() {
    if (name_.empty()) return;
    auto* s = ssl_.get();
    const bool address = is_address(name_);
    // RFC 6066, 3: literal addresses are no server names.
    if (hub_.config.send_name && !address) SSL_set_tlsext_host_name(s, name_.c_str());
    if (!hub_.config.verify_name) return;
    if (address)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), name_.c_str());
    else
        SSL_set1_host(s, name_.c_str());
}

// Which certificate a route shows may depend on who stands behind the stream.
void client_session::show_certificate() {
    if (route_->subject_cn.empty() && route_->subject_dn.empty()) return;
    const auto* who = session_of(hub_.here, auth_);
    const auto cn = expand(route_->subject_cn, who), dn = expand(route_->subject_dn, who);
    if (cn.empty() && dn.empty())
        return hub_.events.emit(hub_.here, WEFT_WARN, "binding.tls.client.certificate.not.resolved",
                                "The subject of the certificate to show resolves to nothing (" +
                                    route_->subject_cn + route_->subject_dn + ").");
    const auto* key = context_->key_of_subject(cn, dn);
    if (!key)
        return hub_.events.emit(hub_.here, WEFT_WARN, "binding.tls.client.certificate.not.matched",
                                "No key is that of the subject (" + cn + dn + ").");
    SSL_use_cert_and_key(ssl_.get(), key->cert.get(), key->key.get(), key->chain, 1);
    key_ = key->alias + "@";
}

int client_session::remember(void* self, SSL_SESSION* s) {
    auto& c = *static_cast<client_session*>(self);
    c.clients_.remember(c.key_, ssl_session_ptr(s));
    return 1;
}

void client_session::established() {
    app_.begin(meta_in(answer_));
    answer_ = {};
    if (hub_.draining()) app_.drain();
    open_up();
}

void client_session::tell_app(const failure& f) {
    if (!app_open_) return;
    meta_writer<weft_tcp_reset> why;
    why->error = EPROTO;
    why->text =
        why.text("TLS with " + (host_.empty() ? name_ : host_ + ":" + std::to_string(port_)) +
                 ": " + f.reason);
    app_.reset(why.get());
    app_.abort(why.get());
}

std::string client_session::peer() const {
    return "server " +
           (host_.empty() ? std::string("of the exit") : host_ + " port " + std::to_string(port_)) +
           (name_.empty() ? ", no SNI" : ", SNI " + name_);
}

// Whoever keeps a connection for long opens the next one through the newer generation.
void client_session::move_on() {
    if (phase_ == phase::open) app_.drain();
}

}  // namespace weft::tls
