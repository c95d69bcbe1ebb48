// transport: OpenSSL's reads and writes on slices: what arrived is read from where tcp put it, and
// what is written goes into buffers that are sent as they are.
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

    // `s` reads and writes here from now on, for as long as it lives.
    bool serve(SSL* s);

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
    };

    static const BIO_METHOD* method();
    int read(char* to, int size);
    int write(const char* from, int size);

    worker here_;
    std::vector<chunk> in_;
    size_t in_at_ = 0;  // of in_, the first that is not read
    std::vector<block> out_;
    uint64_t held_ = 0, unsent_ = 0;
    bool broken_ = false;
};

}  // namespace weft::tls
