#include "server.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace weft::tcp {

std::unique_ptr<instance> server_binding::attach(worker w) {
    return std::make_unique<server_instance>(w, *this);
}

server_instance::server_instance(worker w, server_binding& owner)
    : hub(w, owner.config.socket),
      owner_(owner),
      worker_open_(owner.all_servers->open[w.index() % limits::workers_max]),
      open_(owner.all_generations->open),
      accepted_(w.counter("tcp.accepted")),
      refused_(w.counter("tcp.refused")),
      names_(w) {
    try {
        for (const uint16_t port : owner.config.ports.list()) {
            listeners_.push_back(std::make_unique<listener>(listener{this, port}));
            listen(*listeners_.back());
        }
    } catch (...) {
        stop_listening();
        throw;
    }
}

server_instance::~server_instance() {
    stop_listening();
    arrivals_.clear();
    close_lingering();
}

void server_instance::listen(listener& l) {
    weft_error e{};
    const auto& host = owner_.config.host;
    l.lease = services.listeners->lease(here().handle(), host.c_str(), l.port,
                                        owner_.config.backlog, &l.fd, &e);
    if (!l.lease)
        throw config_error("/options/port",
                           "cannot listen on " + host_and_port(host, l.port) + ": " + e.text);
    l.watch = here().watch(l.fd, WEFT_READABLE, call<&listener::on_ready>, &l);
    if (!l.watch)
        throw std::runtime_error("cannot watch the listening socket of " +
                                 host_and_port(host, l.port));
}

void server_instance::stop_listening() {
    if (pause_timer_) here().cancel(std::exchange(pause_timer_, 0));
    for (const auto& l : listeners_) {
        if (l->watch) here().cancel(l->watch);
        if (l->lease) services.listeners->release(here().handle(), l->lease);
    }
    listeners_.clear();
}

// The new generation has leases of its own on the same sockets, so nothing is refused in between.
// What was accepted here stays here, those that wait for a name or for first bytes included.
void server_instance::drain(uint32_t why, uint64_t deadline_ns) {
    stop_listening();
    if (why != WEFT_DRAIN_STOP) return end_connections_at(deadline_ns);
    stopping_ = true;
    arrivals_.clear();
}

void server_instance::listener::on_ready(uint32_t) {
    for (uint32_t i = 0; i < limits::accept_batch_max; ++i) {
        if (!owner->accept_one(*this)) return;
    }
}

bool server_instance::accept_one(listener& l) {
    socket_address peer;
    socklen_t size = sizeof peer.v6;
    const int fd = accept4(l.fd, &peer.generic, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        switch (errno) {
            case EAGAIN:
                return false;
            // accept(2): errors of the new connection, already gone.
            case EINTR:
            case ECONNABORTED:
            case EPERM:
            case EPROTO:
            case ENETDOWN:
            case ENOPROTOOPT:
            case EHOSTDOWN:
            case ENONET:
            case EHOSTUNREACH:
            case EOPNOTSUPP:
            case ENETUNREACH:
                return true;
            default:
                pause(errno);
                return false;
        }
    }
    if (!admit(fd, peer)) return true;
    apply(owner_.config.socket, fd);
    const accepted c{fd, socket_address::local_of(fd), peer};
    if (owner_.config.proxies.empty())
        route(c);
    else
        await(c, arrival::awaits::proxy_header, {});
    return true;
}

// The system has no room for another connection. The listening sockets stay readable, so they are
// left alone for a while.
void server_instance::pause(int error) {
    refused_.add();
    accept_events_.emit(here(), WEFT_ERROR, "binding.tcp.accept.failed", [&] {
        return "Unable to accept connections: " + std::generic_category().message(error) + "; " +
               std::to_string(connections.get()) + " are open on this worker.";
    });
    for (const auto& l : listeners_) here().modify(l->watch, 0);
    if (!pause_timer_)
        pause_timer_ =
            here().timer_in_ms(limits::accept_retry_ms, call<&server_instance::resume>, this);
}

void server_instance::resume() {
    pause_timer_ = 0;
    for (const auto& l : listeners_) here().modify(l->watch, WEFT_READABLE);
}

void server_instance::route(const accepted& c) {
    if (!owner_.config.routes.needs_authority()) return serve(c, {});
    names_.with_name(c.local, [this, c](const std::string& name) { serve(c, name); });
}

void server_instance::serve(const accepted& c, const std::string& name,
                            std::optional<first_protocol> speaks) {
    if (stopping_ || deadline_passed()) return close_socket(c.fd);  // it had to wait meanwhile
    const socket_address &local = c.local, &peer = c.peer;
    const uint64_t auth = c.session ? c.session->id() : 0;
    const route_subject subject{ip_address::of(local), local.port(), name, speaks,
                                session_of(here(), auth)};
    if (owner_.config.routes.needs_protocol(subject))
        return await(c, arrival::awaits::first_byte, name);
    const auto exit = owner_.config.routes.match(subject);
    if (!exit) {
        close_socket(c.fd);
        refused_.add();
        route_events_.emit(here(), WEFT_WARN, "binding.tcp.route.missing", [&] {
            return "Connection from " + host_and_port(peer.host(), peer.port()) + " to " +
                   host_and_port(local.host(), local.port()) + " closed: no route matches" +
                   (speaks == first_protocol::unknown
                        ? ", and it begins as none of tls, http and mqtt"
                        : "") +
                   unadmitted(c) + ".";
        });
        return;
    }
    begin_.clear();
    const auto local_host = begin_.text(local.host()), remote_host = begin_.text(peer.host());
    begin_->local_host = local_host;
    begin_->remote_host = remote_host;
    begin_->flags = WEFT_TCP_TAKES_TLS_KEYS;
    begin_->local_port = local.port();
    begin_->remote_port = peer.port();
    auto* to = all_.make(*this, false);
    if (c.session) sessions_.emplace(to, c.session);
    to->serve(here().open(*exit, *to, begin_.get(), 0, auth));
    to->adopt(c.fd);
}

}  // namespace weft::tcp
