#include "outbox.hpp"

#include <algorithm>

namespace weft::mqtt {

namespace {

void retain(const weft_slice& s) {
    if (s.owner) services.buffers->retain(&s);
}
void release(const weft_slice& s) {
    if (s.owner) services.buffers->release(&s);
}

}  // namespace

void outbox::push(const weft_slice& s) {
    if (s.len == 0) return;
    bytes_ += s.len;
    if (slices_.size() > first_) {
        auto& last = slices_.back();
        if (last.owner == s.owner && last.data + last.len == s.data) {
            last.len += s.len;
            return;
        }
    }
    retain(s);
    slices_.push_back(s);
}

void outbox::flush(stream to) {
    const uint32_t credit = to.credit(), padding = to.padding();
    if (bytes_ == 0 || credit <= padding) return;
    uint32_t left = std::min(credit - padding, bytes_);
    bytes_ -= left;

    size_t end = first_;
    while (end < slices_.size() && slices_[end].len <= left) left -= slices_[end++].len;
    weft_slice rest{};
    if (left != 0) {  // the credit ends inside a slice
        rest = slices_[end];
        retain(rest);
        slices_[end].len = left;
        rest.data += left;
        rest.len -= left;
        ++end;
    }
    to.data(std::span(slices_).subspan(first_, end - first_));
    for (size_t i = first_; i < end; ++i) release(slices_[i]);
    first_ = end;
    if (rest.len != 0) slices_[--first_] = rest;
    if (first_ == slices_.size()) {
        slices_.clear();
        first_ = 0;
    } else if (first_ > slices_.size() / 2) {
        slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

void outbox::clear() {
    for (size_t i = first_; i < slices_.size(); ++i) release(slices_[i]);
    slices_.clear();
    first_ = 0;
    bytes_ = 0;
}

}  // namespace weft::mqtt
