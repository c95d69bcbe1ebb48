// transport: OpenSSL's reads and writes on slices: what arrived is read from where tcp put it, and
// what is written goes into buffers that are sent as they are.
//
// Where who holds the socket and the kernel can do it, OpenSSL gives its keys for sending away at
// the end of the handshake, as it does for sockets of its own, and writes plaintext from then on.
#pragma once

#include "ossl.hpp"

#include <weft/worker.hpp>

#include <vector>

namespace weft::tls {

class transport {
public:
    explicit transport(worker w) : here_(w) {}
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;

    // `s` reads and writes here from now on, for as long as it lives. `kernel`: who holds the
    // socket takes keys.
    bool serve(SSL* s, bool kernel);
    // The keys are given away: what is sent is plaintext.
    bool offloaded() const { return offloaded_; }
    // Application data, in place of SSL_write, once that is so.
    void pass(chunk plain);

    void receive(const weft_data& d);
    uint64_t held() const { return held_; }  // received and not read
    void drop_held();

    // Sends what credit there is for.
    void send(stream to);
    uint64_t unsent() const { return unsent_; }
    void drop_unsent();
    // There was no memory for what was written.
    bool broken() const { return broken_; }

private:
    struct block {
        chunk bytes;
        uint8_t* base = nullptr;
        uint32_t used = 0, capacity = 0, sent = 0;
        uint8_t content_type = 0;  // of a record; 0: bytes as they are
        bool keys = false;
    };

    static const BIO_METHOD* method();
    int read(char* to, int size);
    int write(const char* from, int size);
    long control(int what, long number, const void* p);
    bool take_keys(const void* crypto_info);
    block* room_for(uint32_t size, uint8_t content_type);
    weft_slice take(block& b, uint32_t room);
    static void send_keys(stream to, block& keys);

    worker here_;
    std::vector<chunk> in_;
    size_t in_at_ = 0;  // of in_, the first that is not read
    std::vector<block> out_;
    uint64_t held_ = 0, unsent_ = 0;
    bool broken_ = false;
    bool kernel_ = false, offloaded_ = false;
    uint8_t content_type_ = 0;  // of what OpenSSL writes next; 0: of no record of its own
};

}  // namespace weft::tls
