// A bearer token as librdkafka wants it: the text, when it ends, and whose it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::kafka::client {

struct bearer_token {
    static constexpr uint64_t no_end = UINT64_MAX;

    std::string value;
    std::string principal = "weft";  // for librdkafka's log; brokers go by the token itself
    uint64_t expires_ms = no_end;    // wall clock
};

// Reads what a JSON Web Token says of itself; any other token is taken as it is. Nothing is
// verified: that is the broker's. Throws std::runtime_error that does not have the token in it.
bearer_token read_token(std::string_view text);

}  // namespace weft::kafka::client
