#include "hello.hpp"

#include <new>

namespace weft::tls {
namespace {

// A list of bytes behind a length, as TLS writes them; empty once it is not there.
class cursor {
public:
    cursor(const unsigned char* p, size_t n) : at_(p), left_(n) {}
    bool empty() const { return left_ == 0; }
    size_t number(size_t bytes) {
        size_t v = 0;
        for (; bytes > 0 && left_ > 0; --bytes, ++at_, --left_) v = v << 8 | *at_;
        return v;
    }
    std::string_view text(size_t n) {
        const size_t got = n < left_ ? n : left_;
        const std::string_view out(reinterpret_cast<const char*>(at_), got);
        at_ += got;
        left_ -= got;
        return out;
    }

private:
    const unsigned char* at_;
    size_t left_;
};

}  // namespace

// OpenSSL parses; it stops where a server would begin to answer.
hello::hello() : ctx_(SSL_CTX_new(TLS_server_method())) {
    if (!ctx_) throw std::bad_alloc();
    SSL_CTX_set_client_hello_cb(ctx_.get(), &hello::found, this);
    ssl_.reset(SSL_new(ctx_.get()));
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    if (!ssl_ || !in || !out) throw std::bad_alloc();
    SSL_set_bio(ssl_.get(), in, out);
    SSL_set_accept_state(ssl_.get());
}

hello::state hello::feed(std::string_view bytes) {
    if (found_) return state::complete;
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    ERR_clear_error();
    const int rc = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), rc);
    ERR_clear_error();
    if (found_) return state::complete;
    return error == SSL_ERROR_WANT_READ ? state::incomplete : state::no_tls;
}

int hello::found(SSL* s, int*, void* self) {
    auto& h = *static_cast<hello*>(self);
    h.found_ = true;
    h.read_extensions(s);
    return SSL_CLIENT_HELLO_ERROR;
}

void hello::read_extensions(SSL* s) {
    const unsigned char* p = nullptr;
    size_t n = 0;
    if (SSL_client_hello_get0_ext(s, TLSEXT_TYPE_server_name, &p, &n) == 1) {
        cursor c(p, n);
        c.number(2);
        if (c.number(1) == TLSEXT_NAMETYPE_host_name) authority_ = c.text(c.number(2));
    }
    if (SSL_client_hello_get0_ext(s, TLSEXT_TYPE_application_layer_protocol_negotiation, &p, &n) ==
        1) {
        cursor c(p, n);
        c.number(2);
        while (!c.empty()) protocols_.emplace_back(c.text(c.number(1)));
    }
}

}  // namespace weft::tls
