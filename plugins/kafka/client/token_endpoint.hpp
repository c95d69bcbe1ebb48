// Asks a token endpoint for a token, as a client with credentials of its own (RFC 6749, 4.4), by
// libcurl. For a thread that may block; another may end it early.
#pragma once

#include "sasl_config.hpp"
#include "token.hpp"
#include "transfer/transfer.hpp"

#include <string>
#include <string_view>

namespace weft::kafka::client {

class token_endpoint {
public:
    explicit token_endpoint(token_endpoint_config c);

    // Throws std::runtime_error that says what went wrong, and has no secret in it.
    bearer_token get();
    // From then on get() ends at once. From any thread.
    void cancel() { transfer_.cancel(); }

private:
    const libcurl started_;
    const token_endpoint_config config_;
    transfer transfer_;
};

// An answer of the endpoint: a token (RFC 6749, 5.1), or the error that it tells (5.2). Throws
// std::runtime_error.
bearer_token read_token_answer(long status, std::string_view body, uint64_t now_ms);

}  // namespace weft::kafka::client
