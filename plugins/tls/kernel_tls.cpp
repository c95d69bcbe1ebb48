#include "kernel_tls.hpp"

#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace weft::tls {
namespace {

constexpr std::array versions{uint16_t{TLS_1_2_VERSION}, uint16_t{TLS_1_3_VERSION}};
constexpr std::array ciphers{uint16_t{TLS_CIPHER_AES_GCM_128}, uint16_t{TLS_CIPHER_AES_GCM_256},
                             uint16_t{TLS_CIPHER_CHACHA20_POLY1305}};

class socket_of_ours {
public:
    explicit socket_of_ours(int fd) : fd_(fd) {}
    socket_of_ours(const socket_of_ours&) = delete;
    socket_of_ours& operator=(const socket_of_ours&) = delete;
    ~socket_of_ours() {
        if (fd_ >= 0) close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

// Keys can only be given to a connection that is there.
bool takes(uint16_t version, uint16_t cipher_type) {
    const socket_of_ours listening(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const socket_of_ours ours(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* where = reinterpret_cast<sockaddr*>(&at);
    if (bind(listening.get(), where, size) != 0 || listen(listening.get(), 1) != 0 ||
        getsockname(listening.get(), where, &size) != 0 || connect(ours.get(), where, size) != 0)
        return false;
    if (setsockopt(ours.get(), IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") != 0) return false;
    union {
        tls_crypto_info head;
        tls12_crypto_info_aes_gcm_256 largest;
        tls12_crypto_info_chacha20_poly1305 other;
    } keys{};
    keys.head = {version, cipher_type};
    return setsockopt(ours.get(), SOL_TLS, TLS_TX, &keys,
                      static_cast<socklen_t>(crypto_info_size(cipher_type))) == 0;
}

uint32_t bit_of(size_t version, size_t cipher) {
    return 1u << (version * ciphers.size() + cipher);
}

uint32_t ask_kernel() {
    uint32_t all = 0;
    for (size_t v = 0; v < versions.size(); ++v)
        for (size_t c = 0; c < ciphers.size(); ++c)
            if (takes(versions[v], ciphers[c])) all |= bit_of(v, c);
    return all;
}

uint32_t known() {
    static const uint32_t bits = ask_kernel();
    return bits;
}

}  // namespace

size_t crypto_info_size(uint16_t cipher_type) {
    switch (cipher_type) {
        case TLS_CIPHER_AES_GCM_128:
            return sizeof(tls12_crypto_info_aes_gcm_128);
        case TLS_CIPHER_AES_GCM_256:
            return sizeof(tls12_crypto_info_aes_gcm_256);
        case TLS_CIPHER_CHACHA20_POLY1305:
            return sizeof(tls12_crypto_info_chacha20_poly1305);
        default:
            return 0;
    }
}

void ask_kernel_about_tls() {
    known();
}

bool kernel_makes_records(uint16_t version, uint16_t cipher_type) {
    for (size_t v = 0; v < versions.size(); ++v)
        for (size_t c = 0; c < ciphers.size(); ++c)
            if (versions[v] == version && ciphers[c] == cipher_type)
                return (known() & bit_of(v, c)) != 0;
    return false;
}

}  // namespace weft::tls
