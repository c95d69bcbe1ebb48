#include "kafka/meta_link.hpp"

#include "kafka/kafka_topics.hpp"

namespace weft::mqtt_kafka {

meta_link::meta_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener)
    : topic_stream(w, exit, topic.name(), WEFT_KAFKA_META), of_(topic), listener_(listener) {}

void meta_link::on_news(stream s, const weft_flush& f) {
    const meta_view<weft_kafka_partitions> told(f.h.meta);
    if (!told) return;
    if (!serves(s)) take_over();
    const bool was_ok = state() == topic_state::ok;
    const uint32_t cleanup = std::exchange(cleanup_, told->cleanup);
    partitions_.clear();
    for (const auto& p : told.list<weft_kafka_partition>(told->partitions))
        partitions_.push_back(p.id);
    set_state(topic_state::ok);
    if (was_ok && cleanup != cleanup_) listener_.on_topic_changed(of_);
}

}  // namespace weft::mqtt_kafka
