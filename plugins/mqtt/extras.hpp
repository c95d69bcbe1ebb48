// extras: what few connections use; made for those that do, so that an idle one is small.
#pragma once

#include "auth/method.hpp"
#include "rate_limit.hpp"
#include "topic_aliases.hpp"

#include <weft/guard.hpp>
#include <weft/stream.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weft::mqtt {

class connection;

// What a connection has of a guard, from its own or from the binding below.
struct authorized {
    auth_ref session;  // empty while nobody has vouched for the client
    uint64_t expires_ms = WEFT_GUARD_NEVER;
    // While a guard is asked. Shared with the answer, which comes also when the connection has gone
    // and left a null pointer in it.
    std::shared_ptr<connection*> asked;
};

// A stream to an exit other than the session's own, for publishes that a route sends there.
struct side_session {
    uint64_t exit;
    stream to;
};

struct extras {
    const auth_method* method = nullptr;      // of CONNECT
    std::unique_ptr<auth_exchange> exchange;  // an authentication in progress
    authorized guard;
    std::vector<side_session> sides;
    std::vector<uint8_t> held;         // packets that wait for the end of a delivery in pieces
    std::vector<std::string> aliases;  // topic of alias i + 1
    std::unique_ptr<topic_aliases> aliases_out;
    rate_limit publish_rate;

    // The connection closes: no more than its streams are left of it.
    void leave() {
        if (guard.asked) *std::exchange(guard.asked, nullptr) = nullptr;
        exchange.reset();
        held = {};
        aliases = {};
        aliases_out.reset();
    }
};

}  // namespace weft::mqtt
