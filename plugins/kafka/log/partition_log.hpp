// The cached records of one topic-partition: a list of segments in a folder.
//
// One thread writes (append, roll, retain ...), any thread reads: next(), start(), snapshot() and
// cursors over it. Offsets grow but have holes (compaction, transactions). Trouble with the disk
// never loses the newest records: they go to memory segments instead.
#pragma once

#include "segment.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weft::kafka {

using segment_list = std::vector<segment_ptr>;  // by base

// Inside of a log's folder; cleaned segments wait there until they take their place.
inline constexpr char cleaning_folder[] = "cleaning";

// What readers see of a log at one moment.
struct log_snapshot {
    segment_list segments;
    int64_t start =
        -1;  // from here on nothing is missing; -1 while an empty log does not know where it begins
};

// What an operator should hear, gathered until somebody with a voice takes it.
struct log_notice {
    bool error;
    std::string text;
};

class partition_log {
public:
    struct setup {
        std::string directory;  // of this log alone; made when missing
        log_identity identity;
        log_limits limits;
        std::shared_ptr<memory_budget> memory;  // shared by the logs of a store
        bool compacted = false;
    };
    // Takes over what an earlier process left there, as far as it is whole, ours and joins up;
    // deletes the rest. Never fails: at worst the log starts empty. Reads files, so it blocks.
    static std::shared_ptr<partition_log> open(setup s);
    // Deletes every file of a log: the topic is another one than the one that was cached.
    static void erase(const std::string& directory);

    // [writer] An empty log begins here; later calls skip offsets that hold no record (aborted,
    // control, deleted in Kafka).
    void advance(int64_t next);
    // [writer] Makes room for `bytes` in the head, with a new segment if need be. Fails only when
    // memory is out, too.
    result<bool> reserve(uint64_t bytes, int64_t now_ms);
    // [writer] Encoded entries (salt()) that were reserved for. A disk that refuses them moves them
    // to memory.
    result<bool> write(std::vector<uint8_t>& entries, int64_t next, int64_t now_ms);
    bool has_room(uint64_t bytes) const;             // [writer] without a new segment
    uint64_t salt() const { return head_->salt(); }  // [writer] after reserve
    // [writer] Records were lost to a refusing disk and memory: nothing is appended until they are
    // fetched again from next().
    bool broken() const { return broken_; }
    void mend() { broken_ = false; }
    // [writer] Nothing is appended until a writer opens it again: what readers have is all for now.
    void close() { closed_.store(true, std::memory_order_release); }
    void reopen() { closed_.store(false, std::memory_order_release); }
    bool closed() const { return closed_.load(std::memory_order_acquire); }
    // [writer] Once in a while: deletes what is too old or too much, goes back to the disk once it
    // takes records again.
    void maintain(int64_t now_ms);
    // [writer] Puts cleaned segments and their files in the place of sealed ones, see cleaner.hpp.
    void replace(const segment_list& old, const segment_list& cleaned);
    void note(bool error, std::string text) {
        notices_.push_back({error, std::move(text)});
    }                                                                               // [writer]
    std::vector<log_notice> take_notices() { return std::exchange(notices_, {}); }  // [writer]

    // [writer] The topic's cleanup policy.
    void set_compacted(bool compacted) { setup_.compacted = compacted; }
    const setup& options() const { return setup_; }
    // One above the newest offset; -1 while an empty log does not know where it begins.
    int64_t next() const { return next_.load(std::memory_order_acquire); }
    // The newest record's offset; -1 without records.
    int64_t last() const {
        return snapshot()->segments.empty() ? -1 : last_next_.load(std::memory_order_acquire) - 1;
    }
    // From here on nothing is missing.
    int64_t start() const { return snapshot()->start; }
    std::shared_ptr<const log_snapshot> snapshot() const;
    bool degraded() const { return degraded_.load(std::memory_order_relaxed); }
    uint64_t bytes() const;  // of all segments

private:
    explicit partition_log(setup s) : setup_(std::move(s)) {}
    void load();
    segment_list load_files();
    segment::origin origin(uint64_t capacity, int64_t now_ms) const;
    result<segment_ptr> make_file(uint64_t bytes, int64_t now_ms);
    result<segment_ptr> make_memory(uint64_t bytes, int64_t now_ms);
    result<bool> roll(uint64_t bytes, int64_t now_ms);
    void close_head();
    void begin_head(segment_ptr s);
    void retry_disk(int64_t now_ms);
    void retain(int64_t now_ms);
    void break_off(const log_error& why);
    void publish(segment_list list);
    void drop(const segment_ptr& s);
    void set_degraded(const log_error& why);

    setup setup_;
    segment_ptr head_;                    // writer's
    std::atomic<int64_t> last_next_{-1};  // next() of the newest segment, what the next one follows
    std::atomic<int64_t> next_{-1};
    std::atomic<bool> degraded_{false}, closed_{false};
    bool broken_ = false;
    std::vector<log_notice> notices_;

    mutable std::mutex mutex_;  // of snapshot_; taken per segment, not per record
    std::shared_ptr<const log_snapshot> snapshot_ = std::make_shared<log_snapshot>();
};

// Gathers consecutive records of one log into one write.
class log_batch {
public:
    enum class outcome { stored, known, refused, broken };
    // `known`: the log has this offset already. `refused`: malformed or too large, the log goes on
    // without it. `broken`: see partition_log::broken.
    outcome append(partition_log& log, const weft_meta& record, std::span<const weft_slice> value,
                   int64_t now_ms);
    // Makes them readable. Also done by append when the log changes or much has gathered.
    void flush(int64_t now_ms);
    bool empty() const { return bytes_.empty(); }

private:
    partition_log* log_ = nullptr;
    std::vector<uint8_t> bytes_;
    int64_t next_ = 0;
};

}  // namespace weft::kafka
