// What a client authenticates with: `options.sasl`, or `options.authorization` of the newer
// configurations. Nothing of it may get into a log line, an event or an error.
#pragma once

#include <weft/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weft::kafka {

// Where tokens are asked for with the credentials of a client (RFC 6749, 4.4).
struct token_endpoint_config {
    std::string url, client_id, client_secret;
    std::string scope;  // empty: the server's default
    std::string trust;  // a PEM file with CA certificates; empty: those of the system
};

struct sasl_config {
    std::string mechanism;  // as librdkafka spells it: PLAIN, SCRAM-SHA-256 ...
    std::string username, password;
    // OAUTHBEARER: one of these three, or the guard's credentials.
    std::string token;
    std::string token_file;
    std::optional<token_endpoint_config> token_endpoint;
    std::vector<std::string> extensions;  // of OAUTHBEARER (RFC 7628, 3.1): name and value in turn

    std::string guard;  // "namespace:name" of who is asked for what is missing; empty: nobody
    bool guards_identity = false;     // is the username
    bool guards_credentials = false;  // are the password or the token

    bool bearer() const { return mechanism == "OAUTHBEARER"; }
    bool asks_guard() const { return guards_identity || guards_credentials; }
};

// Nothing when the brokers want no authentication. Throws config_error.
std::optional<sasl_config> read_sasl(const binding_config& c);

}  // namespace weft::kafka
