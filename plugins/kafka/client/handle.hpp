// A librdkafka instance with the settings that work over the bridge, and the descriptor that tells
// of its events.
#pragma once

#include "config.hpp"
#include "unique_fd.hpp"

#include <weft/freed_by.hpp>

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::kafka::client {

class hooks;
class credentials;

using topic_handle = std::unique_ptr<rd_kafka_topic_t, freed_by<rd_kafka_topic_destroy>>;
using queue_handle = std::unique_ptr<rd_kafka_queue_t, freed_by<rd_kafka_queue_destroy>>;
using event_handle = std::unique_ptr<rd_kafka_event_t, freed_by<rd_kafka_event_destroy>>;

// A follower is a consumer whose fetches are not to begin with the answer that tells the
// partitions' leaders, since that answer is handled partition by partition: it asks a bootstrap
// server by a name that no broker has, so librdkafka uses another connection than for any broker,
// and has yet to make that one when the leaders are known.
enum class role { producer, consumer, follower };

// Put before the address of a bootstrap server of a follower; no host has such a name.
inline constexpr std::string_view bootstrap_mark = "bootstrap!";

// The settings of a role. Throws std::runtime_error naming the one that librdkafka refuses.
using conf_handle = std::unique_ptr<rd_kafka_conf_t, freed_by<rd_kafka_conf_destroy>>;
// `secrets` may be null.
conf_handle make_conf(role r, const client_config& config, const credentials* secrets);

// Destruction blocks until librdkafka's threads have ended: not on a worker.
class handle {
public:
    // `group`: of a consumer that reads and commits a group's offsets.
    handle(role r, const client_config& config, hooks& callbacks, const std::string& group = {});
    ~handle();
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;

    rd_kafka_t* get() const { return rk_; }
    rd_kafka_queue_t* main_queue() const { return main_.get(); }

    // Readable when a signalling queue went from empty to not empty, so: acknowledge first, then
    // empty the queues.
    int event_fd() const { return event_fd_.get(); }
    void signal_from(rd_kafka_queue_t* queue) const;
    void acknowledge() const;
    void wake() const;  // makes event_fd readable: there is more to do

private:
    unique_fd event_fd_;
    credentials* const secrets_;
    rd_kafka_t* rk_ = nullptr;
    queue_handle main_;
};

}  // namespace weft::kafka::client
