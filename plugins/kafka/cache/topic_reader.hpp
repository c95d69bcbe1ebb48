// One topic of a cache_client on one worker: what META tells of it, where its logs are, and the
// streams that read them.
#pragma once

#include "cache_config.hpp"
#include "meta_block.hpp"
#include "segment_maps.hpp"
#include "store.hpp"
#include "upstream.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::kafka {

class topic_reader;

// A stream that takes part; deletes itself.
class reader : public endpoint {
public:
    virtual void on_partitions() {}                // the topic's partitions or watermarks were told
    virtual void on_records() {}                   // logs have grown, come or gone
    virtual void on_status(const weft_meta*) {}    // kafka.status
    virtual void on_answer() {}                    // topic_reader::ask was answered
    virtual void on_turn() {}                      // reader_host::schedule
    virtual void on_retired() { peer().drain(); }  // topic_reader::retire
    virtual stream peer() const = 0;
    bool scheduled = false;
};

// What the streams of an instance share.
class reader_host {
public:
    virtual ~reader_host() = default;
    virtual weft::worker on() const = 0;
    virtual const cache_config& config() const = 0;
    virtual segment_maps& maps() = 0;
    // Calls on_turn in the worker's next turn, so that other streams come in between.
    virtual void schedule(reader& r) = 0;
    virtual void unschedule(reader& r) = 0;
};

class topic_reader final : public upstream::listener {
public:
    struct partition {
        int32_t id;
        int64_t begin, next;  // Kafka's, as told last; -1 unknown
    };

    topic_reader(reader_host& host, std::string name, uint64_t exit);
    ~topic_reader() override;

    const std::string& name() const { return name_; }
    uint64_t exit() const { return exit_; }
    bool known() const { return static_cast<bool>(block_); }
    const std::vector<partition>& partitions() const { return partitions_; }
    const partition* find(int32_t id) const;
    const weft_meta* block() const { return block_.get(); }  // the newest kafka.partitions
    uint32_t cleanup() const { return cleanup_; }
    std::string_view cluster_id() const { return cluster_id_; }
    std::shared_ptr<partition_log> log(int32_t id) const {
        return shared_ ? shared_->log(id) : nullptr;
    }

    void join(reader& r);
    void leave(reader& r);

    // Asks Kafka for its watermarks; answered() reaches the returned number when a question put
    // after this call was answered.
    uint64_t ask();
    uint64_t answered() const { return answered_; }

    // A newer generation takes over: streams that would never end are asked to move there.
    void retire();
    // No record will come into this log any more: what it lacks is Kafka's to tell.
    bool is_over(const partition_log* log) const { return retired_ && (!log || log->closed()); }
    // The process ends.
    void drain();

private:
    // The META stream that asks anew. It is ended by its first answer.
    struct question final : public upstream::listener {
        topic_reader& topic;
        explicit question(topic_reader& t) : topic(t) {}
        void on_upstream_open(upstream& u) override { topic.open_meta(u, WEFT_KAFKA_FRESH); }
        void on_upstream_flush(const weft_flush& f) override { topic.on_fresh(f); }
        void on_upstream_broken(uint32_t, const weft_frame*) override {}
    };
    void on_upstream_open(upstream& u) override {
        if (!retired_ || !known()) open_meta(u, 0);
    }
    void on_upstream_begin(const weft_begin& b) override;
    void on_upstream_flush(const weft_flush& f) override;
    void on_upstream_broken(uint32_t failures, const weft_frame* why) override;
    void open_meta(upstream& u, uint8_t flags);
    void on_fresh(const weft_flush& f);
    void on_records();
    void on_status(const weft_meta* meta);
    void on_partitions(const weft_meta* meta);
    void put_question();
    void rest_when_idle();
    template <class F>
    void each(F&& f);

    reader_host& host_;
    const std::string name_;
    const uint64_t exit_;
    store_ref store_;
    shared_topic* shared_ = nullptr;
    log_listener listener_;
    meta_block block_, status_;
    std::vector<partition> partitions_;  // by id
    uint32_t cleanup_ = 0;
    std::string cluster_id_;
    std::vector<reader*> readers_;
    uint64_t asked_ = 0, asking_ = 0, answered_ = 0;
    bool ask_due_ = false, retired_ = false, drained_ = false, told_no_store_ = false;
    question question_{*this};
    upstream meta_, fresh_;
};

}  // namespace weft::kafka
