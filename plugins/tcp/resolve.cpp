#include "resolve.hpp"

#include <netdb.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace weft::tcp {

resolved resolve(const std::string& host, uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    addrinfo* list = nullptr;
    resolved out;
    if (const int rc = getaddrinfo(host.c_str(), nullptr, &hints, &list); rc != 0) {
        out.error = rc == EAI_SYSTEM ? std::generic_category().message(errno) : gai_strerror(rc);
        return out;
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
    for (const addrinfo* a = list; a; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
        auto address = socket_address::from(a->ai_addr, a->ai_addrlen);
        address.set_port(port);
        out.addresses.push_back(address);
    }
    if (out.addresses.empty()) out.error = "the name has no address";
    return out;
}

std::string name_of(const socket_address& a) {
    char text[NI_MAXHOST];
    if (getnameinfo(&a.generic, a.size(), text, sizeof text, nullptr, 0, 0) != 0) return a.host();
    return text;
}

}  // namespace weft::tcp
