// A metadata block that was kept: a copy of what a frame carried.
#pragma once

#include <weft/meta.hpp>

#include <cstring>
#include <vector>

namespace weft::kafka {

class meta_block {
public:
    void keep(const weft_meta* m) {
        words_.resize((m->size + 7) / 8);
        std::memcpy(words_.data(), m, m->size);
    }
    void clear() { words_.clear(); }
    explicit operator bool() const { return !words_.empty(); }
    const weft_meta* get() const {
        return words_.empty() ? nullptr : reinterpret_cast<const weft_meta*>(words_.data());
    }

private:
    std::vector<uint64_t> words_;
};

}  // namespace weft::kafka
