// Readers of a log. Plain objects of one thread; the log's writer may be another.
#pragma once

#include "filter.hpp"
#include "partition_log.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace weft::kafka {

enum class read_state : uint8_t {
    record,
    end,   // nothing more for now (cursor); everything up to the target was read (filtered_cursor)
    wait,  // filtered_cursor: the log has not come up to the target yet
    busy,  // filtered_cursor: the budget is used up, go on later
    lost   // what comes next is no longer (or not yet) in the log: see wanted()
};

// All records from an offset on, for ever.
class cursor {
public:
    cursor() = default;
    cursor(std::shared_ptr<const partition_log> log, int64_t offset)
        : log_(std::move(log)), wanted_(offset) {}

    // The view is valid as long as where() is held.
    read_state next(record_view& out);
    const segment_ptr& where() const { return segment_; }
    int64_t wanted() const { return wanted_; }  // all below was read
    const std::shared_ptr<const partition_log>& log() const { return log_; }

private:
    bool locate(read_state& why);
    bool move_on(read_state& why);

    std::shared_ptr<const partition_log> log_;
    segment_ptr segment_;
    uint32_t position_ = 0;
    int64_t wanted_ = 0;
};

// The records of a range whose keys match, each segment's by its index: the cost is that of the
// distinct keys and of the matches.
class filtered_cursor {
public:
    struct query {
        key_filters filters;
        int64_t from = 0, to = 0;  // [from, to)
        bool newest_per_key =
            false;  // as of `to`; nothing for keys whose newest value is null or empty
    };
    filtered_cursor(std::shared_ptr<const partition_log> log, query q)
        : log_(std::move(log)), q_(std::move(q)), wanted_(q_.from) {}

    // Spends at most `budget` keys and records looked at, and counts it down.
    read_state next(record_view& out, uint32_t& budget);
    const segment_ptr& where() const { return segment_; }
    // Everything below was delivered or does not match.
    int64_t wanted() const { return wanted_; }

private:
    read_state enter();
    read_state skip_to(int64_t next);
    bool collect(uint32_t& budget);
    void collect_key(uint32_t key);
    bool superseded(std::string_view key, uint64_t hash) const;
    read_state scan(record_view& out, uint32_t& budget);

    std::shared_ptr<const partition_log> log_;
    query q_;
    int64_t wanted_;

    segment_ptr segment_;
    uint32_t position_ = 0, end_ = 0;  // of the range in it
    int64_t after_ = 0;                // what is wanted once it is done
    bool active_ = false, by_index_ = false, collected_ = false;
    std::shared_ptr<const key_index> index_;
    uint32_t next_key_ = 0, key_count_ = 0;  // what collect still has to look at
    std::vector<uint32_t> matches_;          // positions, ascending; read from match_ on
    size_t match_ = 0;
    struct later {  // segments behind this one, which may supersede its keys
        segment_ptr segment;
        std::shared_ptr<const key_index> index;
    };
    std::vector<later> later_;
};

}  // namespace weft::kafka
