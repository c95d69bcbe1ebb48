// The key index of a segment that is being written. One thread adds, any thread reads without
// locks: arrays only grow, and a record is in the index before the segment's readable length covers
// it.
#pragma once

#include "key_index.hpp"
#include "stable_array.hpp"

#include <memory>
#include <vector>

namespace weft::kafka {

class head_index final : public key_index {
public:
    explicit head_index(uint32_t interval_bytes);

    // [writer] The record must lie in `data` already: keys are compared there, not copied.
    void add(const record_view& r, std::span<const uint8_t> data);
    size_t bytes() const;  // [writer]

    uint32_t key_count() const override { return keys_.size(); }
    uint64_t hash(uint32_t key) const override { return keys_[key].hash; }
    uint32_t oldest(uint32_t key) const override { return keys_[key].oldest; }
    std::optional<uint32_t> newest(uint32_t key, uint32_t below) const override;
    void records(uint32_t key, uint32_t from, uint32_t below,
                 std::vector<uint32_t>& out) const override;
    std::optional<uint32_t> find(uint64_t hash, std::string_view key,
                                 std::span<const uint8_t> data) const override;
    uint32_t near(int64_t offset) const override;

    // For the file of a sealed segment. [writer]
    const stable_array<offset_mark>& marks() const { return marks_; }
    uint32_t posting_count() const { return postings_.size(); }

private:
    struct entry {
        uint64_t hash;
        uint32_t oldest;
        std::atomic<uint32_t> last;  // index in postings_, plus 1
    };
    struct posting {
        uint32_t position;
        uint32_t previous;  // of the same key: index in postings_ plus 1, 0 at its first
    };
    struct table {
        explicit table(uint32_t size) : mask(size - 1), slots(new std::atomic<uint32_t>[size]()) {}
        uint32_t mask;
        std::unique_ptr<std::atomic<uint32_t>[]> slots;  // index in keys_ plus 1
    };
    void insert(table& t, uint64_t hash, uint32_t id);
    void grow();

    const uint32_t interval_bytes_;
    uint32_t next_mark_ = 0;
    stable_array<entry> keys_;
    stable_array<posting> postings_;
    stable_array<offset_mark> marks_;
    // A reader may still be in an older table; together they are no larger than the newest.
    std::vector<std::unique_ptr<table>> tables_;
    std::atomic<const table*> table_{nullptr};
};

}  // namespace weft::kafka
