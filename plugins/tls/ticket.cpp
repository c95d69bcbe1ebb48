#include "ticket.hpp"

namespace weft::tls {
namespace {

// A client sends its ticket in one extension of its hello. Who has a longer chain makes a full
// handshake each time.
constexpr size_t chain_size_max = 16 * 1024;

std::string der_of(const STACK_OF(X509) * chain) {
    std::string out;
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        unsigned char* der = nullptr;
        const int size = i2d_X509(sk_X509_value(chain, i), &der);
        if (size <= 0) return {};
        out.append(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
        OPENSSL_free(der);
    }
    return out;
}

chain_ptr chain_of(const unsigned char* der, size_t size) {
    chain_ptr out(sk_X509_new_null());
    const auto* end = der + size;
    while (out && der < end) {
        cert_ptr c(d2i_X509(nullptr, &der, end - der));
        if (!c || sk_X509_push(out.get(), c.get()) <= 0) return nullptr;
        static_cast<void>(c.release());  // the chain has it
    }
    return out;
}

// Of a session that was resumed, whose next ticket this is, the chain is there already.
int put_in(SSL* s, void*) {
    const auto* chain = SSL_get0_verified_chain(s);
    if (!chain || SSL_get_verify_result(s) != X509_V_OK) return 1;
    const auto der = der_of(chain);
    if (der.size() <= chain_size_max)
        SSL_SESSION_set1_ticket_appdata(SSL_get_session(s), der.data(), der.size());
    return 1;
}

bool may_be_resumed(SSL_SESSION* s) {
    const auto* shown = SSL_SESSION_get0_peer(s);
    if (!shown) return true;
    void* der = nullptr;
    size_t size = 0;
    SSL_SESSION_get0_ticket_appdata(s, &der, &size);
    return size > 0 && X509_cmp_current_time(X509_get0_notAfter(shown)) > 0;
}

SSL_TICKET_RETURN take_out(SSL*, SSL_SESSION* session, const unsigned char*, size_t,
                           SSL_TICKET_STATUS status, void*) {
    const bool good = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!good || !may_be_resumed(session)) return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

void keep_chain_in_tickets(SSL_CTX* c) {
    SSL_CTX_set_session_ticket_cb(c, put_in, take_out, nullptr);
}

chain_ptr verified_chain_of(const SSL* s) {
    if (SSL_get_verify_result(s) != X509_V_OK) return nullptr;
    if (auto* chain = SSL_get0_verified_chain(s)) return chain_ptr(X509_chain_up_ref(chain));
    void* der = nullptr;
    size_t size = 0;
    if (!SSL_session_reused(s) ||
        !SSL_SESSION_get0_ticket_appdata(SSL_get_session(s), &der, &size) || size == 0)
        return nullptr;
    return chain_of(static_cast<const unsigned char*>(der), size);
}

}  // namespace weft::tls
