#include "kafka/tail_link.hpp"

#include "kafka/kafka_topics.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

tail_link::tail_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener)
    : topic_stream(w, exit, topic.name(), WEFT_KAFKA_TAIL), of_(topic), listener_(listener) {}

partition_next* tail_link::find(int32_t partition) {
    const auto at =
        std::lower_bound(positions_.begin(), positions_.end(), partition,
                         [](const partition_next& p, int32_t id) { return p.partition < id; });
    return at != positions_.end() && at->partition == partition ? &*at : nullptr;
}

int64_t tail_link::position(int32_t partition) const {
    const auto* p = const_cast<tail_link*>(this)->find(partition);
    return p ? p->next : 0;
}

void tail_link::on_data(stream s, const weft_data& d) {
    if (s.received() - granted_ > record_window / 2) {
        granted_ = s.received();
        s.window(record_window);
    }
    const meta_view<weft_kafka_record> record(d.h.meta);
    if (!record) return;
    partition_next* p = find(record->partition);
    if (!p || record->offset < p->next) return;
    listener_.on_live_record(of_, record, d);
    p->next = record->offset + 1;
}

void tail_link::on_news(const weft_flush& f) {
    const meta_view<weft_kafka_partitions> told(f.h.meta);
    if (!told) return;
    const std::vector<partition_next> before = positions_;
    bool gap = false;
    for (const auto& t : told.list<weft_kafka_partition>(told->partitions)) told_start(t, gap);
    if (gap && live_) listener_.on_tail_gap(of_, before);
    const bool first = !live_ && !positions_.empty();
    live_ = live_ || first;
    set_state(topic_state::ok);
    if (first || reopened_) listener_.on_topic_changed(of_);
    reopened_ = false;
}

// A list that repeats a start says nothing new of that partition. Another start is a jump: forwards
// over records that must be read from history, backwards in a topic that was made again.
void tail_link::told_start(const weft_kafka_partition& told, bool& gap) {
    partition_next* p = find(told.id);
    if (!p) {
        const auto at =
            std::lower_bound(positions_.begin(), positions_.end(), told.id,
                             [](const partition_next& x, int32_t id) { return x.partition < id; });
        starts_.insert(starts_.begin() + (at - positions_.begin()), told.next);
        positions_.insert(at, {told.id, told.next});
        return;
    }
    int64_t& start = starts_[static_cast<size_t>(p - positions_.data())];
    if (told.next == start) return;
    start = told.next;
    gap = gap || told.next > p->next;
    p->next = told.next;
}

void tail_link::on_lost() {
    granted_ = 0;
    reopened_ =
        true;  // positions stay: history closes the gap once a successor says where it starts
}

}  // namespace weft::mqtt_kafka
