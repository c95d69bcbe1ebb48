#include "group_offsets.hpp"

#include <memory>

namespace weft::kafka::client {

namespace {

using offsets_list = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                     freed_by<rd_kafka_topic_partition_list_destroy>>;

void fail(offsets_reply& reply, rd_kafka_resp_err_t error) {
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    reply.error = error;
    reply.text = rd_kafka_err2str(error);
}

// Nobody else reads what librdkafka tells of this consumer; its troubles come as errors of calls.
void drop_events(const handle& consumer) {
    while (event_handle(rd_kafka_queue_poll(consumer.main_queue(), 0))) {
    }
}

// Behind the committed offsets, so that what is beyond the log's end is no race with its growth. A
// partition that nobody answers for keeps -1.
void read_ends(const handle& consumer, const std::string& topic, offsets_reply& reply,
               int64_t which, int64_t weft_kafka_place::*end, int timeout_ms) {
    const offsets_list list(rd_kafka_topic_partition_list_new(16));
    for (const auto& p : reply.places)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p.partition)->offset = which;
    if (list->cnt == 0) return;
    rd_kafka_offsets_for_times(consumer.get(), list.get(), timeout_ms);
    for (auto& p : reply.places) {
        const auto* found =
            rd_kafka_topic_partition_list_find(list.get(), topic.c_str(), p.partition);
        if (found && found->err == RD_KAFKA_RESP_ERR_NO_ERROR && found->offset >= 0)
            p.*end = found->offset;
    }
}

}  // namespace

offsets_reply read_group_offsets(const handle& consumer, const std::string& topic,
                                 const std::vector<int32_t>& partitions, int timeout_ms) {
    offsets_reply reply;
    const offsets_list list(rd_kafka_topic_partition_list_new(16));
    for (const int32_t p : partitions)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p);
    fail(reply, rd_kafka_committed(consumer.get(), list.get(), timeout_ms));
    drop_events(consumer);
    for (int i = 0; i < list->cnt; ++i) {
        const auto& p = list->elems[i];
        fail(reply, p.err);
        if (p.offset >= 0) reply.places.push_back({p.offset, -1, -1, p.partition, 0});
    }
    if (reply.error != RD_KAFKA_RESP_ERR_NO_ERROR) return reply;
    read_ends(consumer, topic, reply, RD_KAFKA_OFFSET_BEGINNING, &weft_kafka_place::begin,
              timeout_ms);
    read_ends(consumer, topic, reply, RD_KAFKA_OFFSET_END, &weft_kafka_place::end, timeout_ms);
    return reply;
}

offsets_reply commit_group_offsets(const handle& consumer, const std::string& topic,
                                   const std::vector<weft_kafka_place>& places, int timeout_ms) {
    offsets_reply reply;
    const offsets_list list(rd_kafka_topic_partition_list_new(16));
    for (const auto& p : places)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p.partition)->offset =
            p.offset;
    if (list->cnt == 0) return reply;
    const queue_handle queue(rd_kafka_queue_new(consumer.get()));
    fail(reply, rd_kafka_commit_queue(consumer.get(), list.get(), queue.get(), nullptr, nullptr));
    if (reply.error != RD_KAFKA_RESP_ERR_NO_ERROR) return reply;
    const event_handle event(rd_kafka_queue_poll(queue.get(), timeout_ms));
    fail(reply, event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT);
    drop_events(consumer);
    return reply;
}

}  // namespace weft::kafka::client
