// Asks the cluster about topics: partitions, offsets, cleanup policy. librdkafka's calls for that
// block until the worker has moved their bytes, so they run on a thread of their own, never on the
// worker (nor in the host's pool, whose threads the exit may need to resolve the very broker that
// is asked).
#pragma once

#include "handle.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft::kafka::client {

struct partition_metadata {
    int32_t id = 0;
    int32_t leader = -1;            // -1: none
    int64_t begin = -1, next = -1;  // -1: not known

    bool has_leader() const { return leader >= 0; }
    bool known() const { return begin >= 0 && next >= 0; }
};

struct topic_query {
    std::string name;
    bool details = false;  // offsets and cleanup policy, too
};

struct topic_metadata {
    std::string name;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    uint32_t cleanup = 0;                        // WEFT_KAFKA_COMPACTED | WEFT_KAFKA_DELETED
    std::vector<partition_metadata> partitions;  // by id
};

struct metadata_reply {
    rd_kafka_resp_err_t error =
        RD_KAFKA_RESP_ERR_NO_ERROR;  // of the cluster: no topic was answered then
    std::string cluster_id;          // empty: not known
    std::vector<topic_metadata> topics;
};

// A thread that runs jobs one after the other; the destructor drops what has not begun and joins.
class blocking_thread {
public:
    blocking_thread() : thread_([this] { run(); }) {}
    ~blocking_thread();
    blocking_thread(const blocking_thread&) = delete;
    blocking_thread& operator=(const blocking_thread&) = delete;

    void post(std::function<void()> job);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    bool stop_ = false;
    std::thread thread_;
};

// Without queries only whether a broker answers. Blocks up to some multiples of timeout_ms: not on
// a worker.
metadata_reply read_metadata(rd_kafka_t* rk, const std::vector<topic_query>& queries,
                             int timeout_ms);

}  // namespace weft::kafka::client
