// What a consumer group has committed in one topic, read and written by a consumer that subscribes
// to nothing, so it never joins the group. (The first version used librdkafka's admin API for this
// and crashed in a test in which errors had to be retried; the cause was not found.) Both calls
// block: not on a worker.
#pragma once

#include "handle.hpp"

#include <weft/meta/kafka.h>

#include <string>
#include <vector>

namespace weft::kafka::client {

struct offsets_reply {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string text;                      // of an error
    std::vector<weft_kafka_place> places;  // of a read: those that have a committed offset
};

// `consumer` has the group as its group.id.
offsets_reply read_group_offsets(const handle& consumer, const std::string& topic,
                                 const std::vector<int32_t>& partitions, int timeout_ms);
offsets_reply commit_group_offsets(const handle& consumer, const std::string& topic,
                                   const std::vector<weft_kafka_place>& places, int timeout_ms);

}  // namespace weft::kafka::client
