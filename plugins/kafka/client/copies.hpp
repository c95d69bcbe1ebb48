// Copies of what a frame has lent: it is the sender's again when the callback returns.
#pragma once

#include <weft/worker.hpp>

#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace weft::kafka::client {

// A metadata block takes whole words.
inline size_t words_of(const weft_meta& block) {
    return (block.size + 7) / 8;
}

inline std::unique_ptr<uint64_t[]> copy_block(const weft_meta& block) {
    auto out = std::make_unique<uint64_t[]>(words_of(block));
    std::memcpy(out.get(), &block, block.size);
    return out;
}

// Of nothing for no bytes. Throws when there is no memory.
inline chunk copy_bytes(const worker& w, std::span<const uint8_t> from) {
    if (from.empty()) return {};
    uint8_t* bytes = nullptr;
    chunk out = w.alloc(static_cast<uint32_t>(from.size()), bytes);
    if (!bytes) throw std::bad_alloc();
    std::memcpy(bytes, from.data(), from.size());
    out.truncate(static_cast<uint32_t>(from.size()));
    return out;
}

}  // namespace weft::kafka::client
