// Why a handshake or a connection failed: the event that tells it, and OpenSSL's reason in words.
#pragma once

#include "ossl.hpp"

#include <string>

namespace weft::tls {

struct failure {
    const char* event;  // "binding.tls.handshake.failed"
    const char* text;   // of the event
    std::string reason;
};

// What OpenSSL has just reported; its queue is empty afterwards. To a client the reason also says
// what to look at: its server is known.
failure take_failure(const SSL* s);
failure timed_out();
// The peer wants new keys where the kernel makes the records.
failure keys_are_the_kernels();
// `s` is in its handshake.
failure cut_off(const SSL* s);

}  // namespace weft::tls
