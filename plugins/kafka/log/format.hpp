// The bytes of a segment file. docs/log-cache.md describes them for people.
//
// A file is a header of `header_bytes`, then entries back to back, then zeros up to the
// preallocated size. An entry holds the record's kafka.record/1 block exactly as it travels on a
// stream, so a reader sends from the mapping without building anything. Everything is little-endian
// and 8-aligned.
#pragma once

#include <weft/abi.h>
#include <weft/meta/kafka.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::kafka {

inline constexpr uint64_t segment_magic = 0x00474f4c54464557;  // "WEFTLOG\0"
inline constexpr uint64_t index_magic = 0x0058444954464557;    // "WEFTIDX\0"
inline constexpr uint32_t format_version = 1;
inline constexpr uint32_t header_bytes = 512;

// Whose records a log holds. A file of anything else is not ours to read.
struct log_identity {
    std::string cluster_id, topic;
    int32_t partition = 0;
    bool operator==(const log_identity&) const = default;
};

enum : uint32_t {
    segment_cleaned =
        1  // rewritten without superseded records; replaces all files up to `covers_to`
};

struct segment_header {
    uint64_t magic;
    uint32_t version, flags;
    uint64_t checksum;  // of the header with this field zero
    uint64_t
        salt;  // of this file; seeds the entries' checksums, so bytes of another file never pass
    int64_t base;  // the log's next offset when the segment began
    int64_t
        follows;  // next() of the segment before: what is between it and the base holds no record
    int64_t created_ms;
    int64_t covers_to;  // cleaned segments: they stand for all offsets below
    uint32_t capacity;  // preallocated bytes, the header included
    int32_t partition;
    uint32_t cluster_id_size, topic_size;
    char cluster_id[128];
    char topic[256];
};
static_assert(sizeof(segment_header) == 464 && sizeof(segment_header) <= header_bytes);

struct entry_header {
    uint32_t checksum;    // XXH3-64, low half, of the entry behind this field
    uint32_t size;        // of the whole entry with padding; 0 = no entry here
    uint32_t meta_size;   // of the kafka.record/1 block that follows
    uint32_t value_size;  // of the value behind the block
    uint64_t key_hash;    // XXH3-64 of the key, 0 for a null key
};
static_assert(sizeof(entry_header) == 24);

// One record in a mapping or in any other memory; valid as long as that memory.
class record_view {
public:
    record_view() = default;
    record_view(const uint8_t* entry, uint32_t position) : entry_(entry), position_(position) {}

    explicit operator bool() const { return entry_ != nullptr; }
    const entry_header& entry() const { return *reinterpret_cast<const entry_header*>(entry_); }
    const weft_kafka_record& record() const {
        return *reinterpret_cast<const weft_kafka_record*>(entry_ + sizeof(entry_header));
    }
    const weft_meta* meta() const { return &record().m; }
    int64_t offset() const { return record().offset; }
    int64_t timestamp_ms() const { return record().timestamp_ms; }
    bool null_value() const { return (record().flags & WEFT_KAFKA_NULL_VALUE) != 0; }
    std::optional<std::string_view> key() const;
    std::span<const uint8_t> value() const {
        return {entry_ + sizeof(entry_header) + entry().meta_size, entry().value_size};
    }
    uint64_t key_hash() const { return entry().key_hash; }
    uint32_t position() const { return position_; }  // in the segment
    uint32_t size() const { return entry().size; }

private:
    const uint8_t* entry_ = nullptr;
    uint32_t position_ = 0;
};

uint64_t hash_key(std::string_view key);
uint32_t checksum_entry(const uint8_t* entry, uint32_t size, uint64_t salt);
uint64_t checksum_header(segment_header h);
uint64_t checksum_bytes(const void* p, size_t n);

// True when the block can be stored: a whole kafka.record/1 whose references stay inside it.
bool storable(const weft_meta* m);

// Bytes that a record takes; 64 bits because a neighbour's sizes are not trusted.
uint64_t entry_size(const weft_meta& meta, uint64_t value_size);

// Appends an entry to `out`. `meta` is storable and the value's size is what entry_size was asked
// for.
void encode_entry(std::vector<uint8_t>& out, const weft_meta& meta,
                  std::span<const weft_slice> value, uint64_t salt);

// The entry's parts stay inside `available` bytes: safe to read, whatever it says.
bool bounded_entry(const uint8_t* p, uint64_t available);

// The entry at `p`, of which `available` bytes are readable, if its checksum holds and its parts
// stay inside it.
bool valid_entry(const uint8_t* p, uint64_t available, uint64_t salt);

}  // namespace weft::kafka
