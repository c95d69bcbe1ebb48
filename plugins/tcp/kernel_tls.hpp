// kernel_tls: sockets whose outgoing records the kernel makes (kTLS, linux/tls.h): keys and record
// types.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <span>

namespace weft::tcp {

// What is written from now on becomes records by these keys: the argument of TLS_TX. 0 or an errno.
int set_tls_keys(int fd, std::span<const uint8_t> crypto_info);

// Room for the control message that names a record's type in one sendmsg.
class record_type {
public:
    void attach(msghdr& m, uint8_t content_type);

private:
    alignas(cmsghdr) char bytes_[CMSG_SPACE(sizeof(uint8_t))] = {};
};

}  // namespace weft::tcp
