// A consumer of one worker: one librdkafka handle for FETCH streams, without a group. All streams
// that go on for ever share one; those that end may use others, since a handle fetches a partition
// once.
//
// It uses librdkafka's per-partition interface rather than assign(): that needs a group.id, and
// with it a coordinator connection and the right to use the group. Each stream has a queue of its
// own, so that a stream without credit is simply not read from: librdkafka's limits per queue do
// the rest, nothing fetched is thrown away, and nobody else waits.
//
// Partitions that are to be followed from the start of the instance on are best there before
// open(): then one request for metadata and one fetch have them all. A broker answers the requests
// of a connection one after the other and holds a fetch without records back (fetch_max_wait_ms),
// so whatever comes later waits for the fetch that is out, twice: to be asked about and to be
// fetched.
#pragma once

#include "handle.hpp"
#include "health.hpp"

#include <weft/worker.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace weft::kafka::client {

class hooks;
class fetch_stream;

class consumer {
public:
    class owner {
    public:
        virtual ~owner() = default;
        // The last payload came back. The consumer may be destroyed.
        virtual void on_returned() = 0;
    };
    consumer(worker w, owner& o, const client_config& config, hooks& callbacks, health& h, role r);
    ~consumer();
    consumer(const consumer&) = delete;
    consumer& operator=(const consumer&) = delete;

    // Makes the handle; what the streams want is fetched from here on.
    void open();
    bool is_open() const { return handle_ != nullptr; }

    handle& librdkafka() const { return *handle_; }
    rd_kafka_topic_t* topic_for(const std::string& name);
    void add(fetch_stream& s) { streams_.push_back(&s); }
    void remove(fetch_stream& s);
    bool follows(const std::string& topic) const;  // a stream of it is here
    // A partition can be fetched once per handle. False when it is already.
    bool claim(const std::string& topic, int32_t partition) {
        return claimed_.emplace(topic, partition).second;
    }
    bool is_claimed(const std::string& topic, int32_t partition) const {
        return claimed_.contains({topic, partition});
    }
    // Streams that wait for it get their chance.
    void unclaim(const std::string& topic, int32_t partition);

    // The payload in place in librdkafka's memory, until its last slice is released.
    chunk lend(rd_kafka_message_t* m);
    // Nothing is lent and nobody fetches: the handle can be destroyed without waiting for anybody.
    bool idle() const { return streams_.empty() && lent_ == 0; }

    // The end of the instance: to be destroyed off the worker. Null when there was none.
    std::unique_ptr<handle> release_handle();

    metric fetched;
    meta_writer<weft_kafka_record> record;  // scratch of the streams

private:
    // Finds its way back from weft.buffers; kept for the next message.
    struct lent_message {
        rd_kafka_message_t* message;
        consumer* of;
        lent_message* next;
    };
    static void take_back(void* lent);
    void on_events(uint32_t);

    worker worker_;
    owner& owner_;
    const client_config& config_;
    hooks& callbacks_;
    health& health_;
    const role role_;
    std::unique_ptr<handle> handle_;
    std::map<std::string, topic_handle, std::less<>> topics_;
    std::vector<fetch_stream*> streams_;
    std::set<std::pair<std::string, int32_t>> claimed_;
    lent_message* free_ = nullptr;
    size_t lent_ = 0;
    uint64_t watch_ = 0;
};

}  // namespace weft::kafka::client
