#include "proxy.hpp"

#include <weft/meta.hpp>

namespace weft::tls {

proxy_instance::proxy_instance(worker w, const tls_config& c)
    : here(w), config(c), refused(w.counter("tls.proxy.refused")) {}

endpoint* proxy_instance::accept(stream s, const weft_begin& b) {
    return new proxy_connection(*this, s, b);
}

proxy_connection::proxy_connection(proxy_instance& of, stream client, const weft_begin& b)
    : owner_(of),
      client_(client),
      hello_(std::make_unique<hello>()),
      trace_(b.h.trace_id),
      auth_(b.h.auth),
      affinity_(b.affinity) {
    if (const meta_view<weft_tcp_begin> m(b.h.meta); m) {
        local_ = m.text(m->local_host);
        remote_ = m.text(m->remote_host);
        local_port_ = m->local_port;
        remote_port_ = m->remote_port;
    }
    down_.open(client_);
    client_.begin(nullptr, trace_);
    client_granted_ = hello_size_max;
    client_.window(hello_size_max);
    timer_ = owner_.here.timer_at(owner_.here.now_ns() + owner_.config.handshake_timeout_ns,
                                  call<&proxy_connection::on_timer>, this);
}

void proxy_connection::on_data(stream, const weft_data& d) {
    if (!hello_) return up_.data(d);
    up_.hold(d);
    look(d);
}

void proxy_connection::look(const weft_data& d) {
    auto seen = hello::state::incomplete;
    for (const auto& s : slices(d))
        if (seen == hello::state::incomplete) seen = hello_->feed(text_of(s));
    if (seen == hello::state::complete) return connect();
    if (seen == hello::state::no_tls || client_.received() >= hello_size_max)
        refuse("binding.tls.protocol.rejected",
               "There was an error in the operation of the SSL "
               "protocol. (The first bytes are no ClientHello.)");
}

void proxy_connection::connect() {
    disarm();
    facts f;
    f.port = local_port_;
    if (hello_->authority()) f.authority = *hello_->authority();
    const auto* to = find_route(owner_.config.routes, f, owner_.here, auth_);
    for (const auto& p : hello_->protocols()) {
        if (to) break;
        f.alpn = p;
        to = find_route(owner_.config.routes, f, owner_.here, auth_);
    }
    if (!to)
        return refuse("binding.tls.route.refused",
                      "No route takes the connection (peer " + remote_ + ", " +
                          (f.authority ? "SNI " + std::string(*f.authority) : "no SNI") + ").");
    // To a tcp client without a destination of its own: the server that was asked for.
    meta_writer<weft_tcp_begin> m;
    m->local_port = remote_port_;
    m->remote_port = local_port_;
    const auto from = m.text(remote_), towards = m.text(f.authority ? *f.authority : local_);
    m->local_host = from;
    m->remote_host = towards;
    exit_open_ = true;
    exit_ = owner_.here.open(to->exit, exit_end_, m.get(), trace_, auth_, affinity_);
    hello_.reset();
    up_.open(exit_);
    if (ended_) up_.end();
    down_.grant(exit_, exit_granted_);
    move_up();
}

void proxy_connection::refuse(const char* id, const std::string& text) {
    owner_.refused.add();
    owner_.events.emit(owner_.here, WEFT_WARN, id, text);
    tear_down();
}

void proxy_connection::move_up() {
    up_.pump();
    if (client_open_) up_.grant(client_, client_granted_);
}

void proxy_connection::on_window(stream, const weft_window&) {
    down_.pump();
    if (exit_open_) down_.grant(exit_, exit_granted_);
}

void proxy_connection::on_end(stream, const weft_frame&) {
    ended_ = true;
    if (hello_) return tear_down();
    up_.end();
}

void proxy_connection::tear_down() {
    disarm();
    up_.drop();
    down_.drop();
    if (exit_open_) {
        exit_.abort();
        exit_.reset();
    }
    if (!client_open_) return;
    client_.abort();
    client_.reset();
}

void proxy_connection::on_closed(stream) {
    client_open_ = false;
    disarm();
    down_.close();
    if (exit_open_) {
        exit_.abort();
        exit_.reset();
    }
    free_if_closed();
}

void proxy_connection::exit_closed() {
    exit_open_ = false;
    up_.close();
    if (client_open_ && !down_.ended()) {
        client_.abort();
        client_.reset();
    }
    free_if_closed();
}

void proxy_connection::free_if_closed() {
    if (!client_open_ && !exit_open_) delete this;
}

void proxy_connection::disarm() {
    if (timer_) owner_.here.cancel(std::exchange(timer_, 0));
}

void proxy_connection::on_timer() {
    timer_ = 0;
    refuse("binding.tls.handshake.timeout",
           "The handshake did not complete before the timeout expired. (There was no ClientHello; "
           "peer " +
               remote_ + ")");
}

}  // namespace weft::tls
