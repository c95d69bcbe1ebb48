// Keeps one partition's log up to date: waits until an older generation has let go of it, opens it,
// makes sure that it continues what Kafka has, then appends what a FETCH stream brings.
//
//   waiting --(claim)--> opening --(files read)--> idle --settle--> verifying --(same)--> following
//                                                   ^                   |                    |
//              (upstream broke or moved,            +---- ask META -----+--------------------+
//               offsets contradict)
#pragma once

#include "cache_config.hpp"
#include "log/partition_log.hpp"
#include "log_claim.hpp"
#include "store.hpp"
#include "upstream.hpp"

#include <memory>
#include <string>

namespace weft::kafka {

// What the writers of a worker share.
class writer_host {
public:
    virtual ~writer_host() = default;
    virtual weft::worker on() const = 0;
    virtual const cache_config& config() const = 0;
    virtual store& logs() = 0;
    virtual log_batch& batch() = 0;
    // At the end of the turn: write what has gathered and wake the readers of this topic.
    virtual void flush_later(class partition_writer& w) = 0;
    // Compacted logs that are being cleaned now; the writers count.
    virtual uint32_t& cleanings() = 0;
};

class partition_writer final : public upstream::listener {
public:
    class owner {
    public:
        virtual ~owner() = default;
        // A writer is idle: it goes on with watermarks that Kafka is asked for from now on.
        virtual void ask_again() = 0;
        virtual void on_denied(const weft_meta* status) = 0;  // Kafka does not let us read
        virtual void on_progress() = 0;                       // is_current may have changed
    };
    struct source {
        std::string topic, cluster_id;
        int32_t partition;
        uint64_t exit;
        bool compacted;
    };

    partition_writer(writer_host& host, owner& o, shared_topic& shared, source s);
    ~partition_writer() override;

    // Kafka's watermarks, asked for after the last ask_again. Only an idle writer needs them.
    void settle(int64_t begin, int64_t next, const std::string& cluster_id, bool compacted);
    // Everything that Kafka had when it was asked last is in the log.
    bool is_current() const { return state_ == state::following && log_->next() >= target_; }
    int32_t partition() const { return source_.partition; }

    void flushed();  // by the host, after the batch was written
    void maintain();
    void stop();  // drain: no more appends; whoever comes next may have the log

private:
    enum class state : uint8_t { waiting, opening, idle, verifying, following, stopped };
    struct open_task;
    struct clean_task;

    void take_log();
    void open_log(bool empty_first);
    void clean_when_due(int64_t now_ms);
    void on_cleaned(clean_task& t);
    void let_go();
    void on_opened(std::shared_ptr<partition_log> log);
    void start_over(const std::string& why);
    void verify(const weft_data& d);
    void follow();
    void append(const weft_data& d);
    void tell_notices();
    std::string where() const;

    void on_upstream_open(upstream& u) override;
    void on_upstream_data(const weft_data& d) override;
    void on_upstream_flush(const weft_flush& f) override;
    void on_upstream_broken(uint32_t failures, const weft_frame* why) override;

    writer_host& host_;
    owner& owner_;
    shared_topic& shared_;
    source source_;
    const std::string folder_;
    log_claim claim_;
    state state_ = state::waiting;
    bool flush_due_ = false;
    std::shared_ptr<partition_log> log_;
    open_task* opening_ = nullptr;
    clean_task* cleaning_ = nullptr;
    bool told_cleaning_ = false;  // that it fails
    int64_t target_ = 0;          // Kafka's next offset when asked last
    int64_t last_ = -1;           // offset of the record that is compared with Kafka's
    int64_t progress_ = -1;       // up to here the log may go on without a record
    upstream fetch_;
};

}  // namespace weft::kafka
