// The key index of a sealed segment, a file beside it. It also says where the segment's entries
// end, which spares reading the segment at start. Losing the file loses nothing: it is made again
// from the segment.
#pragma once

#include "file.hpp"
#include "head_index.hpp"
#include "key_index.hpp"

#include <memory>
#include <string>

namespace weft::kafka {

struct index_header {
    uint64_t magic;
    uint32_t version, keys;
    uint64_t checksum;       // of the header with this field zero
    uint64_t body_checksum;  // of everything behind it
    uint64_t salt;           // of the segment that it belongs to
    int64_t next;            // one above the segment's last offset
    int64_t newest_ms;       // the highest timestamp in the segment
    uint32_t used, records, postings, marks;
    char boot[48];  // boot_id() when the segment was last known whole
};
static_assert(sizeof(index_header) == 120);

class sealed_index final : public key_index {
public:
    // Reads the header alone: is there a usable index for the segment with this salt?
    static result<index_header> peek(const std::string& path, uint64_t salt);
    static result<std::unique_ptr<sealed_index>> load(const std::string& path, uint64_t salt);
    // Writes `from` beside `path` and renames it into place. `h` carries salt, next, newest_ms,
    // used and records.
    static result<bool> store(const std::string& path, const head_index& from, index_header h);

    uint32_t key_count() const override { return header().keys; }
    uint64_t hash(uint32_t key) const override { return keys_[key].hash; }
    uint32_t oldest(uint32_t key) const override { return postings_[keys_[key].first]; }
    std::optional<uint32_t> newest(uint32_t key, uint32_t below) const override;
    void records(uint32_t key, uint32_t from, uint32_t below,
                 std::vector<uint32_t>& out) const override;
    std::optional<uint32_t> find(uint64_t hash, std::string_view key,
                                 std::span<const uint8_t> data) const override;
    uint32_t near(int64_t offset) const override;

private:
    struct entry {
        uint64_t hash;
        uint32_t first, count;  // in postings_
    };
    const index_header& header() const {
        return *reinterpret_cast<const index_header*>(map_.data());
    }
    bool consistent() const;

    mapping map_;
    const entry* keys_ = nullptr;  // by hash
    const offset_mark* marks_ = nullptr;
    const uint32_t* postings_ = nullptr;
};

}  // namespace weft::kafka
