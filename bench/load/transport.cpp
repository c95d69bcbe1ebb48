#include "transport.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace load {

namespace {

constexpr uint8_t binary = 2, close_frame = 8, ping = 9, pong = 10;
constexpr std::array<char, 4> mask{'\x5a', '\x13', '\x7e', '\x2b'};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// One for all; the server's certificate is the bench's own, made a moment ago.
SSL_CTX* client_context() {
    static SSL_CTX* const context = [] {
        SSL_CTX* c = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
        return c;
    }();
    return context;
}

}  // namespace

void endpoint::use(std::string_view transport) {
    tls = transport == "tls" || transport == "wss";
    web = transport == "ws" || transport == "wss";
    if (!tls && !web && transport != "tcp")
        throw std::invalid_argument("transports are tcp, tls, ws, wss");
}

transport::transport(const endpoint& to) : web_(to.web) {
    connect(to.port);
    try {
        if (to.tls) shake_hands();
        if (to.web) upgrade();
    } catch (...) {
        close(fd_);
        throw;
    }
    fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

transport::~transport() {
    close(fd_);
}

void transport::connect(uint16_t port) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail("socket");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        const int error = errno;
        close(fd_);
        throw std::system_error(error, std::generic_category(), "connect");
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void transport::shake_hands() {
    ssl_.reset(SSL_new(client_context()));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_tlsext_host_name(ssl_.get(), "localhost");
    if (SSL_connect(ssl_.get()) != 1) {
        const char* reason = ERR_reason_error_string(ERR_get_error());
        throw std::runtime_error(std::string("TLS: ") + (reason != nullptr ? reason : "closed"));
    }
}

void transport::upgrade() {
    write(
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\n"
        "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    std::array<char, 4096> buffer;
    size_t end = std::string::npos;
    for (bool open = true; end == std::string::npos;) {
        const size_t n = read(buffer.data(), buffer.size(), open);
        if (!open) throw std::runtime_error("closed before the answer to the upgrade");
        frames_.append(buffer.data(), n);
        end = frames_.find("\r\n\r\n");
    }
    if (frames_.find(" 101 ") > 12)
        throw std::runtime_error("no upgrade: " + frames_.substr(0, frames_.find('\r')));
    frames_.erase(0, end + 4);
}

size_t transport::write(std::string_view bytes) {
    if (!ssl_) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) fail("send");
        return n < 0 ? 0 : static_cast<size_t>(n);
    }
    size_t sent = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) == 1) return sent;
    const int why = SSL_get_error(ssl_.get(), 0);
    if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
        throw std::runtime_error("the server closed a connection");
    return 0;
}

// 0 when nothing is there; `open` turns false when the server has closed.
size_t transport::read(char* to, size_t size, bool& open) {
    if (!ssl_) {
        const ssize_t n = recv(fd_, to, size, 0);
        open = n > 0 || (n < 0 && errno == EAGAIN);
        return n > 0 ? static_cast<size_t>(n) : 0;
    }
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), to, size, &got) == 1) return got;
    const int why = SSL_get_error(ssl_.get(), 0);
    open = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    return 0;
}

size_t transport::send(std::string_view bytes) {
    if (!web_) {
        size_t sent = 0;
        while (sent < bytes.size()) {
            const size_t n = write(bytes.substr(sent));
            if (n == 0) break;
            sent += n;
        }
        return sent;
    }
    flush_wire();
    if (pending() || bytes.empty()) return 0;
    bytes = bytes.substr(0, 65535);
    put_frame(binary, bytes);
    flush_wire();
    return bytes.size();
}

void transport::flush_wire() {
    while (pending()) {
        const size_t n = write(std::string_view(wire_).substr(wire_sent_));
        if (n == 0) return;
        wire_sent_ += n;
    }
    wire_.clear();
    wire_sent_ = 0;
}

void transport::put_frame(uint8_t opcode, std::string_view payload) {
    wire_ += static_cast<char>(0x80 | opcode);
    if (payload.size() < 126) {
        wire_ += static_cast<char>(0x80 | payload.size());
    } else {
        wire_ += {static_cast<char>(0x80 | 126), static_cast<char>(payload.size() >> 8),
                  static_cast<char>(payload.size() & 0xff)};
    }
    wire_.append(mask.data(), mask.size());
    const size_t begin = wire_.size();
    wire_ += payload;
    for (size_t i = 0; i < payload.size(); ++i)
        wire_[begin + i] = static_cast<char>(wire_[begin + i] ^ mask[i & 3]);
}

void transport::receive(std::string& in) {
    static std::array<char, 65536> buffer;  // one thread, and nothing of it survives the call
    bool open = true;
    size_t n = 0;
    do {
        n = read(buffer.data(), buffer.size(), open);
        if (!open) throw std::runtime_error("the server closed a connection");
        (web_ ? frames_ : in).append(buffer.data(), n);
    } while (ssl_ && n > 0);  // what OpenSSL has decrypted wakes nobody
    if (web_) take_frames(in);
}

void transport::take_frames(std::string& in) {
    size_t at = 0;
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(frames_[at + i]); };
    while (frames_.size() - at >= 2) {
        const uint8_t opcode = byte(0) & 15;
        uint64_t size = byte(1) & 127;
        const size_t head = size == 126 ? 4 : size == 127 ? 10 : 2;
        if (frames_.size() - at < head) break;
        if (head > 2) size = 0;
        for (size_t i = 2; i < head; ++i) size = size << 8 | byte(i);
        if (frames_.size() - at - head < size) break;
        const auto payload = std::string_view(frames_).substr(at + head, size);
        if (opcode == close_frame) throw std::runtime_error("the server said Close");
        if (opcode == ping) put_frame(pong, payload);
        if (opcode < close_frame) in += payload;
        at += head + size;
    }
    flush_wire();
    frames_.erase(0, at);
    if (frames_.empty()) frames_.shrink_to_fit();  // as the connection's own buffer
}

}  // namespace load
