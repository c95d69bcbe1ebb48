// The header of the PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy): what a proxy
// says of the connection that it passes on, before the connection's own first byte.
#pragma once

#include "address.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::tcp {

struct proxy_header {
    enum class state : uint8_t { incomplete, complete, malformed };

    state is = state::incomplete;
    uint32_t size = 0;  // complete: its bytes; incomplete: at least so many are needed
    // Who connected to the proxy. Nothing: the connection is the proxy's own (LOCAL), or what it
    // passes on has no such address (UNKNOWN, Unix sockets).
    std::optional<socket_address> source;
    const char* why = nullptr;  // malformed
    // What the proxy says of the client beyond that, see proxy_tlvs. Refer to the bytes.
    std::string_view common_name = {}, authority = {};
};

// Of bytes that begin with a header, or with a part of one. The destination is not looked
// at, and of what follows the addresses only if they are of a known family.
proxy_header read_proxy_header(std::string_view bytes);

}  // namespace weft::tcp
