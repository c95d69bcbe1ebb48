// outbox: what is to be sent to one client, as slices, until the network stream has credit for it.
// Exists only while there is something in it; the server keeps empty ones for reuse.
#pragma once

#include <weft/slice.hpp>
#include <weft/stream.hpp>

#include <vector>

namespace weft::mqtt {

class outbox {
public:
    outbox() = default;
    ~outbox() { clear(); }
    outbox(const outbox&) = delete;
    outbox& operator=(const outbox&) = delete;

    bool empty() const { return bytes_ == 0; }
    uint32_t bytes() const { return bytes_; }
    size_t slots() const { return slices_.capacity(); }

    // Keeps a borrowed slice. One that continues the last in memory is joined to it.
    void push(const weft_slice& s);
    // Sends as much as the stream's credit allows, with one DATA.
    void flush(stream to);
    void clear();

private:
    std::vector<weft_slice> slices_;  // each with a reference; those before first_ are gone
    size_t first_ = 0;
    uint32_t bytes_ = 0;
};

}  // namespace weft::mqtt
