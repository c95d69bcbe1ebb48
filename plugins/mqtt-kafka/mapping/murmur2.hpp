// The default partitioner of the Java Kafka client: records must land where other producers would
// put them.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::mqtt_kafka {

constexpr uint32_t murmur2(std::string_view bytes) {
    constexpr uint32_t m = 0x5bd1e995u;
    const auto byte = [&](size_t i) { return uint32_t{static_cast<uint8_t>(bytes[i])}; };
    const size_t n = bytes.size();
    uint32_t h = 0x9747b28cu ^ static_cast<uint32_t>(n);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32_t k = byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = (h * m) ^ k;
    }
    if (n - i == 3) h ^= byte(i + 2) << 16;
    if (n - i >= 2) h ^= byte(i + 1) << 8;
    if (n - i >= 1) h = (h ^ byte(i)) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ (h >> 15);
}

constexpr int32_t partition_of(std::string_view key, int32_t partitions) {
    return static_cast<int32_t>(murmur2(key) & 0x7fffffffu) % partitions;
}

}  // namespace weft::mqtt_kafka
