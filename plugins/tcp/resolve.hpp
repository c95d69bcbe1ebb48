// Names to addresses, and back. These calls block: they run in the task pool only.
#pragma once

#include "address.hpp"

#include <string>
#include <vector>

namespace weft::tcp {

struct resolved {
    std::vector<socket_address> addresses;  // in the order of RFC 6724; empty: failed
    std::string error;                      // the resolver's words
};

resolved resolve(const std::string& host, uint16_t port);

// The name of an address, or its literal text when it has none.
std::string name_of(const socket_address& a);

}  // namespace weft::tcp
