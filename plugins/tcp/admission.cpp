// Who may come in, and whose first bytes are awaited before it is known where they lead.
#include "server.hpp"
#include "socket_io.hpp"

#include <unistd.h>

#include <algorithm>

namespace weft::tcp {

namespace {

std::string named(const socket_address& peer) {
    return host_and_port(peer.host(), peer.port());
}

// RST: nobody was here, and nothing is left of it in the kernel.
void drop(int fd) {
    close_with_reset(fd);
    close(fd);
}

}  // namespace

// Counts the connection, or closes it. Where a proxy tells whose it is, its source is not known
// before that.
bool server_instance::admit(int fd, const socket_address& peer) {
    const bool by_proxy = !owner_.config.proxies.empty();
    if (by_proxy ? !admit_proxy(peer) : !admit_source(fd, peer)) {
        drop(fd);
        return false;
    }
    if (!admit_capacity(peer)) {
        release_source(fd);
        close(fd);
        return false;
    }
    accepted_.add();
    socket_opened();
    return true;
}

bool server_instance::admit_proxy(const socket_address& peer) {
    const auto& proxies = owner_.config.proxies;
    const auto from = ip_address::of(peer);
    const auto holds = [&](const cidr& network) { return network.contains(from); };
    if (std::any_of(proxies.begin(), proxies.end(), holds)) return true;
    refused_.add();
    arrival_events_.emit(here(), WEFT_WARN, "binding.tcp.arrival.refused", [&] {
        return "Connection from " + named(peer) +
               " closed: it is none of the proxies that may pass on connections "
               "(options.proxy-protocol.trusted).";
    });
    return false;
}

bool server_instance::admit_source(int fd, const socket_address& peer) {
    if (!owner_.sources) return true;
    using outcome = source_table::outcome;
    const auto& limits = owner_.config.sources;
    const auto key = source_key::of(peer);
    const auto v = owner_.sources->admit(key, limits, here().now_ns());
    if (v.is == outcome::admitted) {
        if (limits.connections != 0) source_slots_[fd] = v.slot;
        return true;
    }
    refused_.add();
    if (!v.tell) return false;
    std::string line = "Connections from " + key.text() + " refused: ";
    line += v.is == outcome::over_rate
                ? "more than " + std::to_string(limits.rate) + " a second (options.sources.rate); "
                : std::to_string(limits.connections) + " are open (options.sources.connections); ";
    line += std::to_string(v.of_source) + " since this was last told";
    if (v.of_all > v.of_source)
        line += ", and " + std::to_string(v.of_all - v.of_source) + " of other sources";
    here().emit(WEFT_WARN, "binding.tcp.source.refused", line + ".");
    return false;
}

void server_instance::release_source(int fd) {
    const auto it = source_slots_.find(fd);
    if (it == source_slots_.end()) return;
    owner_.sources->release(it->second, owner_.config.sources);
    source_slots_.erase(it);
}

bool server_instance::admit_capacity(const socket_address& peer) {
    const auto refuse = [&](uint32_t limit, const char* name) {
        refused_.add();
        capacity_events_.emit(here(), WEFT_WARN, "binding.tcp.capacity.reached", [&] {
            return "Connection from " + named(peer) + " closed: the limit of " +
                   std::to_string(limit) + " connections is reached (" + name + ").";
        });
        return false;
    };
    const auto& c = owner_.config;
    if (c.worker_connections_max != 0 &&
        worker_open_.load(std::memory_order_relaxed) >= c.worker_connections_max)
        return refuse(c.worker_connections_max, "zilla.engine.worker.capacity.limit, per worker");
    if (open_.fetch_add(1, std::memory_order_relaxed) >= c.connections_max &&
        c.connections_max != 0) {
        open_.fetch_sub(1, std::memory_order_relaxed);
        return refuse(c.connections_max, "options.connections");
    }
    worker_open_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

void server_instance::on_socket_closed(int fd) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    worker_open_.fetch_sub(1, std::memory_order_relaxed);
    release_source(fd);
}

// ---- arrivals ----

void server_instance::await(const accepted& c, arrival::awaits what, const std::string& name) {
    if (arrivals_.size() >= owner_.config.arrivals_max) {
        refused_.add();
        capacity_events_.emit(here(), WEFT_WARN, "binding.tcp.capacity.reached", [&] {
            return "Connection from " + named(c.peer) +
                   " closed: " + std::to_string(arrivals_.size()) +
                   " wait for their first bytes (weft.binding.tcp.arrivals.maximum, per worker).";
        });
        close_with_reset(c.fd);
        return close_socket(c.fd);
    }
    arrivals_.push_back(std::make_unique<arrival>(*this, c, what, name));
    arrival& a = *arrivals_.back();
    a.slot = arrivals_.size() - 1;
    stay_while_needed();
    a.start();
}

void server_instance::end_arrival(arrival& a) {
    const size_t slot = a.slot;
    arrivals_.back()->slot = slot;
    std::swap(arrivals_[slot], arrivals_.back());
    arrivals_.pop_back();
    stay_while_needed();
}

accepted server_instance::take(arrival& a) {
    accepted c = a.take();
    end_arrival(a);
    return c;
}

void server_instance::header_read(arrival& a, const proxy_header& h) {
    if (h.source) a.set_peer(*h.source);
    if (!admit_source(a.who().fd, a.who().peer)) {
        close_with_reset(a.who().fd);
        return end_arrival(a);
    }
    if (!owner_.config.guard.empty() && !h.common_name.empty()) return ask_guard(a, h);
    route(take(a));
}

void server_instance::first_byte_seen(arrival& a, uint8_t first) {
    const std::string name = a.name();
    serve(take(a), name, protocol_of(first));
}

void server_instance::refuse_arrival(arrival& a, const std::string& why) {
    refused_.add();
    arrival_events_.emit(here(), WEFT_WARN, "binding.tcp.arrival.refused", [&] {
        return "Connection from " + named(a.who().peer) + " closed: " + why + ".";
    });
    close_with_reset(a.who().fd);
    end_arrival(a);
}

}  // namespace weft::tcp
