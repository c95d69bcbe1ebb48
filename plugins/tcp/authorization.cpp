// Who a client is: a guard is asked about the common name that the PROXY header has.
#include "server.hpp"
#include "socket_io.hpp"

namespace weft::tcp {

// The answer comes later, also when the guard knows it at once.
void server_instance::ask_guard(arrival& a, const proxy_header& h) {
    const uint64_t number = ++last_question_;
    asking_.emplace(number, &a);
    a.await_guard(number);
    const std::string name(h.common_name), remote = a.who().peer.host();
    weft_guard_request q{};
    q.size = sizeof q;
    q.context = number;
    q.username = name.c_str();
    q.credentials = borrowed(name);
    q.remote = remote.c_str();
    verify(
        here(), owner_.config.guard, q,
        [this, number, name, host = std::string(h.authority)](auth_ref who, std::string_view why) {
            const auto it = asking_.find(number);
            if (it == asking_.end()) return;  // the time of the connection was over
            arrival& asker = *it->second;
            if (who.id() == 0) return refuse_peer(asker, name, host, why);
            accepted c = take(asker);
            c.session = std::make_shared<const auth_ref>(std::move(who));
            route(c);
        });
}

void server_instance::refuse_peer(arrival& a, const std::string& name, const std::string& host,
                                  std::string_view why) {
    refused_.add();
    authorization_events_.emit(here(), WEFT_WARN, "binding.tcp.peer.not.authorized", [&] {
        const auto& peer = a.who().peer;
        return "Connection from " + host_and_port(peer.host(), peer.port()) + " closed: guard " +
               owner_.config.guard + " refused '" + name + "'" +
               (host.empty() ? "" : ", who asked for " + host) + ": " + std::string(why);
    });
    close_with_reset(a.who().fd);
    end_arrival(a);
}

// Of a connection that no route takes: what guards have to do with it.
std::string server_instance::unadmitted(const accepted& c) const {
    if (!owner_.config.routes.guarded()) return {};
    const auto* who = session_of(here(), c.session ? c.session->id() : 0);
    return who ? "; those that are guarded do not admit '" + std::string(who->identity) + "'"
               : "; those that are guarded do not admit who has no identity";
}

}  // namespace weft::tcp
