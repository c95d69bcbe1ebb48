#include "client.hpp"

#include <cerrno>

namespace weft::tcp {

std::unique_ptr<instance> client_binding::attach(worker w) {
    return std::make_unique<client_instance>(w, config_);
}

client_instance::client_instance(worker w, const client_config& config)
    : hub(w, config.socket),
      dial_context(here(), config),
      connected(w.counter("tcp.connected")),
      failed(w.counter("tcp.connect.failed")) {}

void client_instance::destroy(connection& c) {
    all_.destroy(&static_cast<client_connection&>(c));
}

void client_instance::take_leave_of_all(const weft_meta* why) {
    all_.for_each([&](client_connection& c) { c.take_leave(why); });
}

client_instance::~client_instance() {
    close_lingering();
}

endpoint* client_instance::accept(stream s, const weft_begin& b) {
    if (deadline_passed()) return nullptr;
    const auto& own = settings;
    const meta_view<weft_tcp_begin> asked(b.h.meta);
    const auto host = asked ? asked.text(asked->remote_host) : std::string_view{};
    auto* c = all_.make(*this, s);
    // A destination of its own binds every stream, unless routes permit to choose another.
    if (!own.host.empty() && (host.empty() || own.permitted.empty())) {
        c->start({own.host, own.port, own.permitted.guarded(), b.h.auth});
    } else if (!host.empty() && asked->remote_port != 0) {
        c->start({std::string(host), asked->remote_port, !own.permitted.empty(), b.h.auth});
    } else {
        c->refuse(
            EDESTADDRREQ,
            "no destination: neither the stream nor the binding's options name host and port");
    }
    return c;
}

// An opener that keeps its streams for long, such as a connection to a broker, moves to the new
// generation when it is idle. The others end by themselves.
void client_instance::drain(uint32_t why, uint64_t deadline_ns) {
    if (why == WEFT_DRAIN_STOP) return;
    const bool asked = draining();
    end_connections_at(deadline_ns);
    if (asked) return;
    all_.for_each([](client_connection& c) { c.ask_to_move(); });
}

void client_instance::on_name_failed(const std::string& host) {
    name_events_.emit(here(), WEFT_ERROR, "binding.tcp.dns.failed",
                      [&] { return "Unable to resolve host dns for address (" + host + ")."; });
}

client_connection::client_connection(client_instance& owner, stream s)
    : connection(owner, true), owner_(owner) {
    serve(s);
}

void client_connection::start(destination to) {
    dial_ = std::make_unique<dial>(owner_, *this, std::move(to));
    dial_->start();
}

void client_connection::refuse(int error, const std::string& text) {
    owner_.failed.add();
    meta_writer<weft_tcp_reset> why;
    why->error = error;
    why->text = why.text(text);
    served().reset(why.get());
    served().abort(why.get());
}

void client_connection::on_dialled(int fd) {
    const auto dialled = std::move(dial_);  // destroyed at the end: we are called by it
    owner_.socket_opened();
    owner_.connected.add();
    meta_writer<weft_tcp_begin> in_use;
    const auto local = socket_address::local_of(fd), remote = socket_address::peer_of(fd);
    in_use->local_host = in_use.text(local.host());
    in_use->remote_host = in_use.text(remote.host());
    in_use->flags = WEFT_TCP_TAKES_TLS_KEYS;
    in_use->local_port = local.port();
    in_use->remote_port = remote.port();
    served().begin(in_use.get());
    connected_ = true;
    adopt(fd);
    if (owner_.draining()) ask_to_move();
}

void client_connection::on_dial_failed(int error, const std::string& text) {
    const auto failed = std::move(dial_);
    refuse(error, text);
}

// Not before there is a connection: nothing could be in flight on it.
void client_connection::ask_to_move() {
    if (connected_) served().drain();
}

void client_connection::take_leave(const weft_meta* why) {
    if (connected_) return connection::take_leave(why);
    if (!dial_) return;
    dial_.reset();
    refuse(ESHUTDOWN, "the binding is replaced, and the time its connections had is over");
}

void client_connection::on_abort(stream s, const weft_frame& f) {
    dial_.reset();
    connection::on_abort(s, f);
}

void client_connection::on_reset(stream s, const weft_frame& f) {
    if (dial_) {
        dial_.reset();
        s.abort();
    }
    connection::on_reset(s, f);
}

}  // namespace weft::tcp
