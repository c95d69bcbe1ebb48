// The topics that streams of this instance are about, and what the cluster says of them.
//
// Asked at once when a stream joins, again with growing pauses while something is missing, and then
// every meta_max_age_ms. What changes is told to the streams of the topic.
#pragma once

#include "health.hpp"
#include "metadata.hpp"

#include <weft/worker.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::kafka::client {

class topic_stream;

// Counts the streams that live.
class stream_owner {
public:
    virtual ~stream_owner() = default;
    virtual void on_stream_gone() = 0;
};

struct topic {
    std::string name;
    bool present = false;  // the cluster has it: metadata is filled
    topic_metadata metadata;
    std::string cluster_id;
    trouble why_not;                // what the cluster says against it, once that is certain
    uint64_t missing_since_ns = 0;  // when the cluster first denied it
    uint64_t query = 0;             // number of the query that filled metadata
    int leaderless_attempts = 0;
    std::vector<topic_stream*> streams;

    size_t partition_count() const { return metadata.partitions.size(); }
    bool offsets_known() const;
    bool details_wanted() const;  // by any of its streams
};

// A stream of a neighbour that concerns one topic. Tells it the state of topic and cluster as
// kafka.status.
class topic_stream : public endpoint {
public:
    topic_stream(stream s, stream_owner& owner) : stream_(s), owner_(owner) {}
    ~topic_stream() override { owner_.on_stream_gone(); }

    // Set by topics::join.
    topic* of = nullptr;
    uint64_t first_query = 0;  // the first query that was sent after the stream joined
    bool details = false;      // wants offsets and cleanup policy

    // Something about the topic or the cluster may have changed.
    virtual void on_topic() = 0;
    void on_instance_drain() const { stream_.drain(); }
    void tell_status(const trouble& cluster);
    void send_status(uint32_t state, int32_t error, std::string_view text);

protected:
    stream stream_;

private:
    stream_owner& owner_;
    uint32_t told_state_ = WEFT_KAFKA_OK;
};

class topics {
public:
    topics(worker w, const client_config& config, health& h)
        : worker_(w), config_(config), health_(h) {}
    ~topics();
    topics(const topics&) = delete;
    topics& operator=(const topics&) = delete;

    // The handle to ask with, and the thread to ask on. Both outlive this.
    void start(handle& asker, blocking_thread& thread);

    void join(topic_stream& s, const std::string& name, bool details);
    void leave(topic_stream& s);
    // Asks no more: handle and thread are about to go. on_rest is called when the question that is
    // out has been answered.
    void stop();
    bool asking() const { return asking_; }
    // A question is out, or another is to be asked right after.
    bool pending() const { return asking_ || ask_again_; }
    // Whether `f` holds for every topic of which somebody wants to know offsets.
    bool all_asked(const std::function<bool(const std::string&)>& f) const;
    std::function<void()> on_rest;
    // What is known may be old: ask again now.
    void ask();
    // Asks until a broker answers, even without a topic to ask for.
    void probe();
    // Asks the openers of all streams to end them.
    void drain();
    // The cluster's state changed.
    void on_cluster();

    std::function<void()> on_answer;  // a broker answered

private:
    void ask_in(uint64_t ms);
    void on_timer();
    void on_reply(uint64_t query, metadata_reply reply);
    void update(topic& t, topic_metadata found, uint64_t query);
    void missing(topic& t, rd_kafka_resp_err_t error);
    void denied(topic& t, rd_kafka_resp_err_t error);
    void tell(topic& t);
    bool settled() const;

    worker worker_;
    const client_config& config_;
    health& health_;
    handle* asker_ = nullptr;
    blocking_thread* thread_ = nullptr;
    std::map<std::string, std::unique_ptr<topic>, std::less<>> topics_;
    std::string cluster_id_;
    uint64_t queries_ = 0;  // sent so far
    uint64_t timer_ = 0;
    uint64_t pause_ms_ = limits::meta_retry_min_ms;
    bool asking_ = false, ask_again_ = false, probing_ = false;
    bool answered_ = false;         // the last query was
    uint64_t silent_since_ns_ = 0;  // first query of those that were not, 0: none
};

}  // namespace weft::kafka::client
