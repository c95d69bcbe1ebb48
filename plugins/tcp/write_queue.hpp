// write_queue: slices on their way to the kernel, in order. Lives only while there is something to
// write; see hub for reuse.
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
    // Keeps the slice until it is consumed. Empty slices are left out.
    void push(const weft_slice& s);
    bool empty() const { return bytes_ == 0; }
    uint32_t bytes() const { return bytes_; }
    size_t slices() const { return chunks_.size() - head_; }

    // Fills `out` with the oldest slices and returns how many.
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
    std::vector<chunk> chunks_;
    size_t head_ = 0;  // chunks_[head_] is the oldest
    uint32_t bytes_ = 0;
};

}  // namespace weft::tcp
