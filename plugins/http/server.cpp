#include "server.hpp"

namespace weft::http {

server::server(worker w, const server_config& c)
    : here(w),
      config(c),
      requests(w.counter("http.requests")),
      upgrades(w.counter("http.upgrades")),
      refused(w.counter("http.refused")),
      connections(w.gauge("http.connections")),
      live_(w) {}

server::~server() = default;

endpoint* server::accept(stream s, const weft_begin& b) {
    return new connection(*this, s, b);
}

void server::add(connection& c) {
    live_.add(c);
    connections.add();
}

void server::remove(connection& c) {
    live_.remove(c);
    connections.sub();
}

void server::drain(uint32_t why, uint64_t deadline_ns) {
    draining = true;
    live_.drain(why, deadline_ns, true);
}

}  // namespace weft::http
