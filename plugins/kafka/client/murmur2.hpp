// The hash by which Kafka's Java client spreads keys over partitions: partition =
// murmur2_positive(key) % partitions.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::kafka {

constexpr uint32_t murmur2(std::string_view bytes) {
    constexpr uint32_t m = 0x5bd1e995u;
    const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
    const size_t n = bytes.size();
    uint32_t h = 0x9747b28cu ^ static_cast<uint32_t>(n);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32_t k = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h *= m;
        h ^= k;
    }
    if (n - i >= 3) h ^= at(i + 2) << 16;
    if (n - i >= 2) h ^= at(i + 1) << 8;
    if (n - i >= 1) {
        h ^= at(i);
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h;
}

constexpr uint32_t murmur2_positive(std::string_view bytes) {
    return murmur2(bytes) & 0x7fffffffu;
}

}  // namespace weft::kafka
