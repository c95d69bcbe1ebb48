// Bounds of the log cache, with their defaults and reasons.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::kafka {

struct log_limits {
    // A segment is the unit of deletion and of mapping. The first one of a log is small and each
    // next one larger by `segment_growth`, so that thousands of quiet partitions cost 64 KiB of
    // disk and address space each.
    uint32_t segment_bytes = 64u << 20;
    uint32_t segment_bytes_first = 64u << 10;
    uint32_t segment_growth = 4;

    // Records beyond the segment size get a segment of their own, up to here; larger ones are
    // refused.
    uint32_t record_bytes_max = 256u << 20;

    // Oldest sealed segments beyond either are deleted: what the cache no longer has is read from
    // Kafka.
    uint64_t retention_bytes = 1ull << 30;
    int64_t retention_ms = 7ll * 24 * 3600 * 1000;

    // A sparse entry in the offset index for this many bytes of log: the longest scan when
    // positioning.
    uint32_t index_interval_bytes = 16u << 10;

    // Memory of the head segment's key index; a head that reaches it is sealed early and its index
    // moves to disk.
    uint32_t head_index_bytes_max = 8u << 20;

    // While the disk refuses writes, records live in anonymous memory: segments of this size, this
    // many bytes for all logs of a store together (a log always keeps its newest segment).
    uint32_t memory_segment_bytes = 1u << 20;
    uint64_t memory_bytes_max = 64ull << 20;

    // A compacted topic's sealed segments are rewritten when this share of their bytes came after
    // the last time. Tombstones go when they are older than delete_retention_ms.
    double cleanable_ratio_min = 0.5;
    int64_t delete_retention_ms = 24ll * 3600 * 1000;
};

// What memory segments of one store use together.
using memory_budget = std::atomic<uint64_t>;

}  // namespace weft::kafka
