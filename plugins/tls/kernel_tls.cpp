#include "kernel_tls.hpp"

#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <vector>

namespace weft::tls {
namespace {

struct suite {
    uint16_t version, cipher_type;
    bool operator==(const suite&) const = default;
};
constexpr suite asked_for[] = {
    {TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128},
    {TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_256},
    {TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305},
    {TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128},
    {TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256},
    {TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305},
};

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
bool takes(const suite& s) {
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
    keys.head = {s.version, s.cipher_type};
    return setsockopt(ours.get(), SOL_TLS, TLS_TX, &keys,
                      static_cast<socklen_t>(crypto_info_size(s.cipher_type))) == 0;
}

const std::vector<suite>& taken() {
    static const auto all = [] {
        std::vector<suite> out;
        std::copy_if(std::begin(asked_for), std::end(asked_for), std::back_inserter(out), takes);
        return out;
    }();
    return all;
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
    taken();
}

bool kernel_makes_records(uint16_t version, uint16_t cipher_type) {
    const auto& all = taken();
    return std::find(all.begin(), all.end(), suite{version, cipher_type}) != all.end();
}

}  // namespace weft::tls
