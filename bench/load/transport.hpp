// What the bytes of a connection go through: TCP, and TLS and WebSocket frames where asked for.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace load {

// A server's port on 127.0.0.1 and what is spoken there below MQTT.
struct endpoint {
    uint16_t port = 1883;
    bool tls = false, web = false;

    // tcp, tls, ws or wss; throws on another word.
    void use(std::string_view transport);
};

class transport {
public:
    // Connects and shakes hands, blocking; throws when the server refuses.
    explicit transport(const endpoint& to);
    ~transport();
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;

    int fd() const { return fd_; }
    // Takes what can be sent of `bytes` (in one binary frame over WebSocket); how much that was.
    size_t send(std::string_view bytes);
    // Whether something taken has not left yet.
    bool pending() const { return wire_sent_ < wire_.size(); }
    // Appends the MQTT bytes that are there to `in`; throws when the server closes.
    void receive(std::string& in);

private:
    struct free_ssl {
        void operator()(SSL* s) const { SSL_free(s); }
    };

    void connect(uint16_t port);
    void shake_hands();
    void upgrade();
    size_t write(std::string_view bytes);
    size_t read(char* to, size_t size, bool& open);
    void flush_wire();
    void put_frame(uint8_t opcode, std::string_view payload);
    void take_frames(std::string& in);

    int fd_ = -1;
    bool web_ = false;
    std::unique_ptr<SSL, free_ssl> ssl_;
    std::string wire_, frames_;
    size_t wire_sent_ = 0;
};

}  // namespace load
