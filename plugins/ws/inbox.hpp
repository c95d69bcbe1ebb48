// inbox: bytes that arrived and are not read yet, as the slices in which they came.
#pragma once

#include <weft/stream.hpp>

#include <algorithm>
#include <vector>

namespace weft::ws {

class inbox {
public:
    void receive(const weft_data& d) {
        for (const auto& s : slices(d)) {
            if (s.len == 0) continue;
            held_ += s.len;
            in_.push_back(chunk::retain(s));
        }
    }
    uint64_t held() const { return held_; }
    bool empty() const { return held_ == 0; }

    // The bytes of the oldest slice. There must be one.
    std::span<const uint8_t> front() const { return {in_[at_].data(), in_[at_].size()}; }
    // Each run of bytes behind the first `skip`.
    template <class F>
    void for_each_from(uint64_t skip, F&& f) const {
        for (size_t i = at_; i < in_.size(); ++i) {
            const auto part = std::min<uint64_t>(skip, in_[i].size());
            skip -= part;
            if (part < in_[i].size())
                f(std::span<const uint8_t>(in_[i].data() + part, in_[i].size() - part));
        }
    }
    void consume(uint64_t n) {
        held_ -= n;
        while (n > 0) {
            auto& c = in_[at_];
            const auto part = static_cast<uint32_t>(std::min<uint64_t>(n, c.size()));
            c.remove_prefix(part);
            n -= part;
            if (!c.empty()) break;
            c.reset();
            ++at_;
        }
        if (held_ == 0) drop();
    }
    void drop() {
        in_.clear();
        at_ = 0;
        held_ = 0;
    }

private:
    std::vector<chunk> in_;
    size_t at_ = 0;  // of in_, the first that is not read
    uint64_t held_ = 0;
};

}  // namespace weft::ws
