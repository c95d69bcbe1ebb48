// ticket: what a server's tickets hold beside what OpenSSL puts there. A session that is resumed
// comes with the client's certificate alone; guards and routes by `trust` go by the chain that was
// verified.
#pragma once

#include "certificate.hpp"

namespace weft::tls {

// Tickets of this server have the chain of a client that showed one.
void keep_chain_in_tickets(SSL_CTX* c);

// The chain that was verified when the session began; null: no certificate was shown, or found
// good.
chain_ptr verified_chain_of(const SSL* s);

}  // namespace weft::tls
