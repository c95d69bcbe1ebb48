// What is in a segment, by key and by offset: the distinct keys with the positions of their
// records, and a sparse list of offsets.
//
// A filter is matched against the distinct keys, so a reader pays for its matches and not for
// everybody's records. The head segment's index grows in memory with the segment; a sealed
// segment's is a mapped file. Both answer here.
#pragma once

#include "format.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weft::kafka {

struct offset_mark {
    int64_t offset;     // of the record at
    uint32_t position;  // this place
    uint32_t pad;
};

// Positions are those of the segment; `data` of a call is the segment's mapping. Any thread, while
// the segment lives.
class key_index {
public:
    virtual ~key_index() = default;

    virtual uint32_t key_count() const = 0;
    virtual uint64_t hash(uint32_t key) const = 0;
    virtual uint32_t oldest(uint32_t key) const = 0;  // its first record
    virtual std::optional<uint32_t> newest(
        uint32_t key, uint32_t below) const = 0;  // its last record below a position
    // Adds the positions of a key's records in [from, below).
    virtual void records(uint32_t key, uint32_t from, uint32_t below,
                         std::vector<uint32_t>& out) const = 0;
    virtual std::optional<uint32_t> find(uint64_t hash, std::string_view key,
                                         std::span<const uint8_t> data) const = 0;
    // A place at or before the first record with this offset or a higher one, header_bytes when
    // nothing is nearer.
    virtual uint32_t near(int64_t offset) const = 0;

    std::string_view key(uint32_t k, std::span<const uint8_t> data) const {
        const uint32_t at = oldest(k);
        if (at >= data.size() || !bounded_entry(data.data() + at, data.size() - at)) return {};
        return record_view(data.data() + at, at).key().value_or(std::string_view());
    }
};

}  // namespace weft::kafka
