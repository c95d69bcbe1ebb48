#include "write_queue.hpp"

#include "limits.hpp"

#include <cstring>

namespace weft::tcp {
namespace {

// Keys do not stay in memory that others get.
void wipe(write_queue::tls_step& s) {
    explicit_bzero(s.keys.data(), s.keys.size());
}

}  // namespace

void write_queue::push(const weft_slice& s) {
    if (s.len == 0) return;
    chunks_.push_back(chunk::retain(s));
    bytes_ += s.len;
}

void write_queue::push_tls_keys(std::span<const uint8_t> crypto_info) {
    steps_.push_back({chunks_.size(), 0, 0, {crypto_info.begin(), crypto_info.end()}});
}

void write_queue::push_record(std::span<const weft_slice> payload, uint8_t content_type) {
    const size_t at = chunks_.size();
    for (const auto& s : payload) push(s);
    if (chunks_.size() > at) steps_.push_back({at, chunks_.size() - at, content_type});
}

void write_queue::pop_keys() {
    wipe(steps_.front());
    steps_.erase(steps_.begin());
    if (empty()) clear();
}

size_t write_queue::gather(std::span<iovec> out) const {
    size_t n = 0, end = chunks_.size();
    if (!steps_.empty()) {
        const auto& s = steps_.front();
        end = s.at > head_ ? s.at : s.at + s.slices;
    }
    for (size_t i = head_; i < end && n < out.size(); ++i, ++n) {
        // iovec is not const-correct; the kernel only reads.
        out[n] = {const_cast<uint8_t*>(chunks_[i].data()), chunks_[i].size()};
    }
    return n;
}

void write_queue::consume(size_t n) {
    bytes_ -= static_cast<uint32_t>(n);
    take_off_the_front(n);
    if (empty()) clear();
}

void write_queue::take_off_the_front(size_t n) {
    while (n > 0) {
        chunk& oldest = chunks_[head_];
        if (n < oldest.size()) {
            oldest.remove_prefix(static_cast<uint32_t>(n));
            return;
        }
        n -= oldest.size();
        oldest.reset();
        ++head_;
        if (steps_.empty() || steps_.front().at >= head_) continue;
        // The rest of a record that the kernel took a part of is one more of its type.
        auto& record = steps_.front();
        ++record.at;
        if (--record.slices == 0) steps_.erase(steps_.begin());
    }
}

void write_queue::clear() {
    for (auto& s : steps_) wipe(s);
    chunks_.clear();
    steps_.clear();
    head_ = 0;
    bytes_ = 0;
}

void write_queue::compact(const worker& w) {
    if (slices() <= limits::compact_slices_min || !steps_.empty()) return;
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
