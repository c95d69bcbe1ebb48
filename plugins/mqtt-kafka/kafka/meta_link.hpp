// The META stream of one Kafka topic: its partitions and cleanup policy.
#pragma once

#include "kafka/topic_listener.hpp"
#include "kafka/topic_stream.hpp"

namespace weft::mqtt_kafka {

class meta_link final : public topic_stream {
public:
    meta_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener);

    bool known() const { return !partitions_.empty(); }
    const std::vector<int32_t>& partitions() const { return partitions_; }
    uint32_t cleanup() const {
        return cleanup_;
    }  // WEFT_KAFKA_COMPACTED | WEFT_KAFKA_DELETED, 0 = not told

protected:
    void on_opened(stream s) override { s.window(1 << 16); }
    void on_news(stream s, const weft_flush& f) override;
    void on_state_changed() override { listener_.on_topic_changed(of_); }

private:
    kafka_topic& of_;
    topic_listener& listener_;
    std::vector<int32_t> partitions_;
    uint32_t cleanup_ = 0;
};

}  // namespace weft::mqtt_kafka
