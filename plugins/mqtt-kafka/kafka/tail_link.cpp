#include "kafka/tail_link.hpp"

#include "kafka/kafka_topics.hpp"

#include <algorithm>
#include <utility>

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
    return known_position(partition).value_or(0);
}

std::optional<int64_t> tail_link::known_position(int32_t partition) const {
    const auto* p = const_cast<tail_link*>(this)->find(partition);
    return p ? std::optional(p->next) : std::nullopt;
}

void tail_link::on_data(stream s, const weft_data& d) {
    if (!serves(s)) return;
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

void tail_link::on_news(stream s, const weft_flush& f) {
    const meta_view<weft_kafka_partitions> told(f.h.meta);
    if (!told) return;
    std::vector<partition_next> gaps;
    const auto list = told.list<weft_kafka_partition>(told->partitions);
    if (!serves(s)) {
        // What the stream before had still to bring is a gap, if it is anything.
        take_over();
        granted_ = 0;
        for (auto& t : told_) t.listed = false;
        const size_t known = positions_.size();
        for (const auto& t : list)
            if (is_new(t.id, known) && t.next > t.begin) gaps.push_back({t.id, t.begin});
    }
    for (const auto& t : list) told_start(t, gaps);
    if (!gaps.empty() && live_) listener_.on_tail_gap(of_, gaps);
    const bool first = !live_ && !positions_.empty();
    live_ = live_ || first;
    set_state(topic_state::ok);
    if (first || reopened_) listener_.on_topic_changed(of_);
    reopened_ = false;
}

// Listed by a successor for the first time: if we knew all partitions (Kafka numbers them from 0),
// the topic has got this one since, and all that is in it is news.
bool tail_link::is_new(int32_t partition, size_t known) const {
    return known != 0 && positions_[known - 1].partition + 1 == static_cast<int32_t>(known) &&
           partition >= static_cast<int32_t>(known);
}

// A list that repeats a start says nothing new of that partition. Another start is a jump: forwards
// over records that must be read from history, backwards in a topic that was made again. A
// successor may also begin where the stream before it has already been: what it repeats is passed
// over in on_data.
void tail_link::told_start(const weft_kafka_partition& told, std::vector<partition_next>& gaps) {
    partition_next* p = find(told.id);
    if (!p) {
        const auto at =
            std::lower_bound(positions_.begin(), positions_.end(), told.id,
                             [](const partition_next& x, int32_t id) { return x.partition < id; });
        told_.insert(told_.begin() + (at - positions_.begin()), {told.next, true});
        positions_.insert(at, {told.id, told.next});
        // Later than the others: sessions may have waited for it.
        if (live_) gaps.push_back({told.id, told.next});
        return;
    }
    told_place& known = told_[static_cast<size_t>(p - positions_.data())];
    const bool moved = !std::exchange(known.listed, true);
    if (told.next == known.start && !moved) return;
    known.start = told.next;
    if (told.next > p->next)
        gaps.push_back(*p);
    else if (moved)
        return;
    const bool back = told.next < p->next;
    p->next = told.next;
    // A log that is opened again may lag behind; one that goes on cannot, so it is another.
    if (back) listener_.on_tail_back(of_, *p, !reopened_);
}

void tail_link::on_lost() {
    granted_ = 0;
    reopened_ =
        true;  // positions stay: history closes the gap once a successor says where it starts
}

}  // namespace weft::mqtt_kafka
