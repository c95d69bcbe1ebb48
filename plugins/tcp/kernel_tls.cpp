#include "kernel_tls.hpp"

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

namespace weft::tcp {

int set_tls_keys(int fd, std::span<const uint8_t> crypto_info) {
    if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") != 0) return errno;
    const auto size = static_cast<socklen_t>(crypto_info.size());
    return setsockopt(fd, SOL_TLS, TLS_TX, crypto_info.data(), size) == 0 ? 0 : errno;
}

void record_type::attach(msghdr& m, uint8_t content_type) {
    m.msg_control = bytes_;
    m.msg_controllen = sizeof bytes_;
    cmsghdr* c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_TLS;
    c->cmsg_type = TLS_SET_RECORD_TYPE;
    c->cmsg_len = CMSG_LEN(sizeof content_type);
    std::memcpy(CMSG_DATA(c), &content_type, sizeof content_type);
}

}  // namespace weft::tcp
