// The shared TAIL stream of one Kafka topic on one worker: its live records, and the place each
// partition has come to.
#pragma once

#include "kafka/topic_listener.hpp"
#include "kafka/topic_stream.hpp"
#include "limits.hpp"

#include <optional>

namespace weft::mqtt_kafka {

class tail_link final : public topic_stream {
public:
    tail_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener);

    // True from the first kafka.partitions on: what is published from now on will be seen, here or
    // through history.
    bool live() const { return live_; }
    // Offset of the next record of each partition that this worker will see.
    const std::vector<partition_next>& positions() const { return positions_; }
    int64_t position(int32_t partition) const;  // 0 if it is not known
    std::optional<int64_t> known_position(int32_t partition) const;

    void on_data(stream s, const weft_data& d) override;

protected:
    void on_opened(stream s) override { s.window(record_window); }
    void on_news(stream s, const weft_flush& f) override;
    void on_lost() override;
    void on_state_changed() override { listener_.on_topic_changed(of_); }

private:
    // What the stream that serves has said of a partition.
    struct told_place {
        int64_t start;
        bool listed;  // false after a move, until the successor lists it
    };
    partition_next* find(int32_t partition);
    bool is_new(int32_t partition, size_t known) const;
    void told_start(const weft_kafka_partition& told, std::vector<partition_next>& gaps);

    kafka_topic& of_;
    topic_listener& listener_;
    std::vector<partition_next> positions_;  // by partition
    std::vector<told_place> told_;           // likewise
    uint64_t granted_ = 0;                   // received() at the last WINDOW
    bool live_ = false;
    bool reopened_ = false;  // the next kafka.partitions may show a gap
};

}  // namespace weft::mqtt_kafka
