#include "kafka/offsets_link.hpp"

#include <utility>
#include <vector>

namespace weft::mqtt_kafka {

offsets_link::offsets_link(worker w, uint64_t exit, std::string topic, std::string group)
    : topic_stream(w, exit, std::move(topic), WEFT_KAFKA_OFFSETS), group_(std::move(group)) {}

void offsets_link::describe(meta_writer<weft_kafka_begin>& m) const {
    m->group = m.text(group_);
}

std::optional<int64_t> offsets_link::place(int32_t partition) const {
    const auto corrected = in(corrected_, partition);
    return corrected ? corrected : in(committed_, partition);
}

void offsets_link::commit(const places& p) {
    if (!stream_ || p.empty()) return;
    meta_writer<weft_kafka_offsets> m;
    std::vector<weft_kafka_place> list;
    for (const auto& [partition, next] : p) list.push_back({next, -1, -1, partition, 0});
    m->token = ++token_;
    m->places = m.list_of(std::span<const weft_kafka_place>(list));
    sent_ = p;
    stream_.flush(m.get());
}

// Later than the first time, what we have written is newer.
void offsets_link::learn(const meta_view<weft_kafka_offsets>& m) {
    if (std::exchange(known_, true)) return;
    for (const auto& p : m.list<weft_kafka_place>(m->places)) {
        committed_[p.partition] = first_[p.partition] = p.offset;
        const bool before = p.begin >= 0 && p.offset < p.begin;
        const bool behind = p.end >= 0 && p.offset > p.end;
        if (!before && !behind) continue;
        // What is in a log made anew is all news; what is gone is gone.
        const int64_t now = p.begin >= 0 ? p.begin : 0;
        corrected_[p.partition] = first_[p.partition] = now;
        if (on_wrong) on_wrong(p, now);
    }
}

void offsets_link::on_news(stream s, const weft_flush& f) {
    const meta_view<weft_kafka_offsets> m(f.h.meta);
    if (!m) return;
    if (m->token == 0) {
        // While a commit is under way on the stream before, a later one could overtake it.
        if (!serves(s)) {
            successor_knows_ = committing();
            if (successor_knows_) return;
            take_over();
        }
        set_state(topic_state::ok);
        learn(m);
        if (on_known) on_known();
        return;
    }
    if (m->token != token_ || sent_.empty()) return;
    const places sent = std::exchange(sent_, {});
    std::string error;
    if (m->error != 0) {
        error = m->text.off ? m.text(m->text) : "error " + std::to_string(m->error);
    } else {
        for (const auto& [partition, next] : sent) {
            committed_[partition] = next;
            corrected_.erase(partition);
        }
    }
    if (std::exchange(successor_knows_, false) && has_successor()) take_over();
    if (on_answer) on_answer(error);
}

// Whether it was written is not known: it is repeated.
void offsets_link::lose_commit() {
    if (sent_.empty()) return;
    sent_.clear();
    if (on_answer) on_answer("the stream to Kafka was lost");
}

}  // namespace weft::mqtt_kafka
