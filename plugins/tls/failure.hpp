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

// What OpenSSL has just reported; its queue is empty afterwards.
failure take_failure(const SSL* s);
failure timed_out();
failure cut_off();

}  // namespace weft::tls
