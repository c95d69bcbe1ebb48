// authorized: what a connection has of a guard, from its own or from the binding below; a
// connection without one has none of these.
#pragma once

#include <weft/guard.hpp>

#include <memory>

namespace weft::mqtt {

class connection;

struct authorized {
    auth_ref session;  // empty while nobody has vouched for the client
    uint64_t expires_ms = WEFT_GUARD_NEVER;
    // While a guard is asked. Shared with the answer, which comes also when the connection has gone
    // and left a null pointer in it.
    std::shared_ptr<connection*> asked;
};

}  // namespace weft::mqtt
