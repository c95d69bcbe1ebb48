// write_queue: slices on their way to the kernel, in order, with the places where the kernel's TLS
// is told something. Lives only while there is something to write; see hub for reuse.
#pragma once

#include <weft/slice.hpp>
#include <weft/worker.hpp>

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

namespace weft::tcp {

class write_queue {
public:
    // What the kernel is told of the bytes that follow.
    struct tls_step {
        size_t at = 0, slices = 0;    // of chunks_; a record consists of `slices`
        uint8_t content_type = 0;     // of a record
        std::vector<uint8_t> keys{};  // for TLS_TX; empty: a record
    };

    // Keeps the slice until it is consumed. Empty slices are left out.
    void push(const weft_slice& s);
    // What follows is plaintext, to become records by these keys.
    void push_tls_keys(std::span<const uint8_t> crypto_info);
    // A record that is not of application data.
    void push_record(std::span<const weft_slice> payload, uint8_t content_type);
    // Nothing to write, and nothing to tell.
    bool empty() const { return bytes_ == 0 && steps_.empty(); }
    uint32_t bytes() const { return bytes_; }
    size_t slices() const { return chunks_.size() - head_; }

    // Comes before all other bytes: keys, to be set and then popped, or the record that gather
    // gives. Null: plain bytes come first.
    const tls_step* due() const {
        return !steps_.empty() && steps_.front().at == head_ ? &steps_.front() : nullptr;
    }
    void pop_keys();

    // Fills `out` with the oldest slices, up to the next step, and returns how many.
    size_t gather(std::span<iovec> out) const;
    // The kernel took the oldest n bytes: lets go of the slices that are done.
    void consume(size_t n);
    void clear();

    // Copies many small slices into one of their own, so that what waits for a slow reader does not
    // hold the buffers they were cut from. Leaves the queue as it is when that is not worth it or
    // memory is out.
    void compact(const worker& w);

    // Memory that an empty queue keeps, in slices.
    size_t capacity() const { return chunks_.capacity(); }

private:
    void take_off_the_front(size_t n);

    std::vector<chunk> chunks_;
    std::vector<tls_step> steps_;  // by place; few connections ever have one
    size_t head_ = 0;              // chunks_[head_] is the oldest
    uint32_t bytes_ = 0;
};

}  // namespace weft::tcp
