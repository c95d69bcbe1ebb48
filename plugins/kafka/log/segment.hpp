// One stretch of a log: a preallocated file (or anonymous memory while the disk refuses), written
// with pwrite and mapped read-only.
//
// One thread writes; any thread reads below readable(). Readers hold it by shared_ptr: a segment
// that was removed from its log stays mapped, its file already unlinked, until the last of them
// lets go.
#pragma once

#include "file.hpp"
#include "format.hpp"
#include "head_index.hpp"
#include "limits.hpp"
#include "sealed_index.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace weft::kafka {

class segment {
public:
    // What was written longer ago than this is given back: readers of the tail are past it, and a
    // process is not to look as large as what it has ever received.
    static constexpr uint32_t mapped_behind_bytes = 64u << 10;

    struct origin {  // what a new segment starts with
        std::string directory;
        const log_identity& identity;
        const log_limits& limits;
        int64_t base = 0;
        int64_t follows = 0;
        int64_t now_ms = 0;
        uint32_t capacity = 0;
        uint32_t flags = 0;
        int64_t covers_to = 0;
    };
    static result<std::shared_ptr<segment>> create(const origin& o);
    static result<std::shared_ptr<segment>> create_in_memory(const origin& o);
    // Opens a file that an earlier process left. Fails when it is foreign, of another version or
    // beyond use; entries behind the first one that does not pass its checksum are cut off. Without
    // a trusted index all of it is read.
    static result<std::shared_ptr<segment>> open(const std::string& path,
                                                 const log_identity& identity,
                                                 const log_limits& limits);

    segment(const segment&) = delete;
    segment& operator=(const segment&) = delete;
    ~segment();

    // [writer] Appends encoded entries; they become readable at once. `next` is one above the last
    // offset.
    result<bool> append(std::span<const uint8_t> entries, int64_t next);
    // [writer] No more appends: writes the index, gives back unused space. Trouble with the index
    // file is returned but harms nothing.
    result<bool> seal();
    // [writer] Moves a sealed segment's files to another folder, over those of the same name.
    result<bool> move_to(const std::string& directory);
    // [writer] Names the file away; the memory stays for those who hold it.
    void remove_file();
    // [writer] Counts a memory segment's capacity until it is gone.
    void charge(std::shared_ptr<memory_budget> budget);

    uint64_t salt() const { return salt_; }
    int64_t base() const { return base_; }
    int64_t follows() const { return follows_; }
    int64_t covers_to() const { return covers_to_; }
    uint32_t flags() const { return flags_; }
    uint32_t capacity() const { return static_cast<uint32_t>(map_.size()); }
    bool in_memory() const { return path_.empty(); }
    const std::string& path() const { return path_; }

    const uint8_t* data() const { return map_.data(); }
    std::span<const uint8_t> bytes(uint32_t end) const { return {map_.data(), end}; }
    uint32_t readable() const {
        return readable_.load(std::memory_order_acquire);
    }  // end of what may be read
    int64_t next() const { return next_.load(std::memory_order_acquire); }
    int64_t newest_ms() const { return newest_ms_.load(std::memory_order_relaxed); }
    uint32_t records() const { return records_.load(std::memory_order_relaxed); }
    bool sealed() const { return sealed_.load(std::memory_order_acquire); }
    bool empty() const { return readable() <= header_bytes; }

    // The entry at a position below `end`; a null view when the bytes there are no entry.
    record_view at(uint32_t position, uint32_t end) const {
        if (position < header_bytes || position >= end ||
            !bounded_entry(data() + position, end - position))
            return {};
        return {data() + position, position};
    }
    // For who has read all of it, once it is sealed; other readers notice nothing.
    void give_back() const { map_.give_back(0, map_.size()); }
    // The first record at or above an offset, or `end`.
    uint32_t seek(int64_t offset, uint32_t end) const;
    std::shared_ptr<const key_index> index() const;
    size_t index_bytes() const { return head_ ? head_->bytes() : 0; }  // [writer]

private:
    segment() = default;
    static result<std::shared_ptr<segment>> start(const origin& o, descriptor fd, std::string path);
    result<bool> scan(uint64_t file_size);
    std::shared_ptr<head_index> build_index(uint32_t end) const;
    index_header summary() const;
    std::string index_path() const;

    std::shared_ptr<memory_budget> budget_;
    std::string path_;  // empty: anonymous memory
    descriptor fd_;     // only while written
    mapping map_;
    uint64_t salt_ = 0;
    int64_t base_ = 0, covers_to_ = 0, follows_ = 0;
    uint32_t flags_ = 0;
    uint32_t index_interval_bytes_ = 0;
    uint32_t given_back_ = 0;  // [writer] up to here
    std::atomic<uint32_t> readable_{0};
    std::atomic<uint32_t> records_{0};
    std::atomic<int64_t> next_{0};
    std::atomic<int64_t> newest_ms_{INT64_MIN};
    std::atomic<bool> sealed_{false};

    mutable std::mutex index_mutex_;  // taken once per segment and query, never per record
    mutable std::shared_ptr<const key_index> index_;  // made at first use when sealed
    std::shared_ptr<head_index> head_;                // the writer's, while not sealed
};

using segment_ptr = std::shared_ptr<segment>;

}  // namespace weft::kafka
