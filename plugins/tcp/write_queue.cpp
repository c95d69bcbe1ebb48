#include "write_queue.hpp"

#include "limits.hpp"

#include <cstring>

namespace weft::tcp {

void write_queue::push(const weft_slice& s) {
    if (s.len == 0) return;
    chunks_.push_back(chunk::retain(s));
    bytes_ += s.len;
}

size_t write_queue::gather(std::span<iovec> out) const {
    size_t n = 0;
    for (size_t i = head_; i < chunks_.size() && n < out.size(); ++i, ++n) {
        // iovec is not const-correct; the kernel only reads.
        out[n] = {const_cast<uint8_t*>(chunks_[i].data()), chunks_[i].size()};
    }
    return n;
}

void write_queue::consume(size_t n) {
    bytes_ -= static_cast<uint32_t>(n);
    while (n > 0) {
        chunk& oldest = chunks_[head_];
        if (n < oldest.size()) {
            oldest.remove_prefix(static_cast<uint32_t>(n));
            return;
        }
        n -= oldest.size();
        oldest.reset();
        ++head_;
    }
    if (bytes_ == 0) clear();
}

void write_queue::clear() {
    chunks_.clear();
    head_ = 0;
    bytes_ = 0;
}

void write_queue::compact(const worker& w) {
    if (slices() <= limits::compact_slices_min) return;
    if (bytes_ / slices() > limits::compact_mean_bytes_max) return;
    uint8_t* to = nullptr;
    chunk joined = w.alloc(bytes_, to);
    if (!to) return;
    for (size_t i = head_; i < chunks_.size(); ++i) {
        std::memcpy(to, chunks_[i].data(), chunks_[i].size());
        to += chunks_[i].size();
    }
    joined.truncate(bytes_);
    chunks_.clear();
    head_ = 0;
    chunks_.push_back(std::move(joined));
}

}  // namespace weft::tcp
