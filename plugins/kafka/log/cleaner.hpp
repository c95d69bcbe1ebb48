// Makes a compacted topic's log small: the sealed segments without what later records of the same
// key have superseded, and without tombstones that have been there for long enough.
//
// Reading and writing files takes its time, so it is done off the worker, into a folder of its own;
// the log's writer then puts the new segments in the place of the old ones
// (partition_log::replace).
#pragma once

#include "partition_log.hpp"

#include <atomic>

namespace weft::kafka {

class cleaner {
public:
    // Whether it is worth it: enough of the sealed bytes came after the last cleaning. [writer]
    static bool due(const partition_log& log);

    // What is to be cleaned is what is sealed now. [writer]
    cleaner(const partition_log& log, int64_t now_ms);

    // Writes the cleaned segments. False when it was cancelled or failed, see error(). [pool]
    bool run();
    // Ends run() soon. [any]
    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

    const segment_list& old() const { return old_; }
    const segment_list& cleaned() const { return cleaned_; }
    const std::string& error() const { return error_; }  // empty: none
    uint64_t dropped_bytes() const { return dropped_bytes_; }

private:
    struct kept {
        std::vector<uint32_t> positions;
        uint64_t bytes = 0;
    };
    kept choose(size_t segment) const;
    bool superseded(const segment& in, const record_view& r, size_t segment) const;
    bool write(size_t first, size_t last, const std::vector<kept>& chosen);

    const std::string folder_;
    const log_identity identity_;
    const log_limits limits_;
    const int64_t now_ms_;
    segment_list old_;  // sealed, the log's oldest
    struct indexed {
        segment_ptr segment;
        uint32_t end;
        std::shared_ptr<const key_index> index;
    };
    std::vector<indexed> all_;  // old_ and what is behind it
    segment_list cleaned_;
    std::string error_;
    uint64_t dropped_bytes_ = 0;
    std::atomic<bool> cancelled_{false};
};

}  // namespace weft::kafka
