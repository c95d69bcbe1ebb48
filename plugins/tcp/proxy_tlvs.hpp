// What follows the addresses in a PROXY header of version 2: type, length and value, one after the
// other (proxy-protocol.txt, 2.2). Who the client is for a proxy that ends TLS is in there.
#pragma once

#include <cstddef>
#include <string_view>

namespace weft::tcp {

struct proxy_tlvs {
    // Common name of the certificate that the client showed to the proxy, and that the proxy found
    // good. Empty: there was none, or it was not.
    std::string_view common_name;
    std::string_view authority;  // the host that the client asked the proxy for (SNI)
    const char* why = nullptr;   // malformed, and then nothing of the above counts
};

// Of a whole header; they begin at `at`. What is found refers to the header. A checksum that is
// among them is verified.
proxy_tlvs read_proxy_tlvs(std::string_view header, size_t at);

}  // namespace weft::tcp
