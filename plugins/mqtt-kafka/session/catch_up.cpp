#include "session/catch_up.hpp"

#include "mapping/levels.hpp"
#include "proxy.hpp"
#include "session/subscriber.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {
constexpr uint32_t retry_ms = 200;
}

catch_up::catch_up(proxy& p, subscriber& s) : proxy_(p), subscriber_(s) {}

catch_up::~catch_up() {
    stop_reading();
    if (waiting_for_slot_) proxy_.slots.leave_line(*this);
    if (retry_timer_) proxy_.here.cancel(retry_timer_);
}

catch_up::place* catch_up::lane::find(int32_t partition) {
    const auto at = std::find_if(places.begin(), places.end(),
                                 [&](const place& p) { return p.partition == partition; });
    return at == places.end() ? nullptr : &*at;
}

catch_up::lane* catch_up::find(const kafka_topic& topic) {
    const auto at = std::find_if(lanes_.begin(), lanes_.end(),
                                 [&](const lane& l) { return l.topic.get() == &topic; });
    return at == lanes_.end() ? nullptr : &*at;
}

catch_up::lane& catch_up::want_lane(kafka_topic& topic) {
    if (lane* l = find(topic)) return *l;
    return lanes_.emplace_back(lane{topic_use(topic), {}});
}

bool catch_up::deliver_live(const kafka_topic& topic, int32_t partition, int64_t offset,
                            uint8_t qos) const {
    lane* l = const_cast<catch_up*>(this)->find(topic);
    const place* p = l ? l->find(partition) : nullptr;
    if (!p) return true;
    return qos == 0 && offset < p->qos0_from;
}

void catch_up::fall_behind(kafka_topic& topic, int32_t partition, int64_t offset, uint32_t size) {
    lane& l = want_lane(topic);
    if (!l.find(partition)) l.places.push_back({partition, offset, never});
    if (!reader_) {
        stalled_size_ = size;
        stalled_qos_ = 1;
    }
}

void catch_up::hold(kafka_topic& topic, const std::vector<partition_next>& places) {
    lane& l = want_lane(topic);
    for (const auto& p : places) {
        if (place* known = l.find(p.partition))
            known->qos0_from = std::min(known->qos0_from, p.next);
        else
            l.places.push_back({p.partition, p.next, p.next});
    }
}

void catch_up::subscribed_late(const subscription& s) {
    for (const lane& l : lanes_) {
        if (!s.topics->contains(l.topic->number())) continue;
        for (const place& p : l.places)
            late_.push_back(
                {&s, l.topic.get(), p.partition, l.topic->tail()->position(p.partition)});
    }
    if (reader_ && !reading_replay_) stop_reading();  // it does not look for the new filter
}

void catch_up::forget(const subscription& s) {
    if (reader_) stop_reading();
    std::erase_if(late_, [&](const late_start& l) { return l.of == &s; });
    for (auto& r : replays_)
        std::erase_if(r->filters, [&](const replay_filter& f) { return f.to == &s; });
    std::erase_if(replays_, [](const auto& r) { return r->filters.empty(); });
}

void catch_up::add_replay(kafka_topic& retained, std::vector<replay_filter> filters) {
    auto r = std::make_unique<replay>(replay{&retained, std::move(filters), {}});
    for (const int32_t partition : retained.meta()->partitions())
        r->places.push_back({partition, WEFT_KAFKA_OFFSET_BEGIN});
    if (!r->places.empty()) replays_.push_back(std::move(r));
}

bool catch_up::too_old(const subscription& s, const kafka_topic& topic, int32_t partition,
                       int64_t offset) const {
    return std::any_of(late_.begin(), late_.end(), [&](const late_start& l) {
        return l.of == &s && l.topic == &topic && l.partition == partition && offset < l.from;
    });
}

void catch_up::join_what_caught_up() {
    for (lane& l : lanes_)
        std::erase_if(l.places, [&](const place& p) {
            return p.next >= l.topic->tail()->position(p.partition);
        });
    std::erase_if(lanes_,
                  [&](const lane& l) { return l.places.empty() || !subscriber_.reads(*l.topic); });
    if (lanes_.empty()) late_.clear();
}

// In-flight room comes back one by one; opening a history stream for each would cost more than
// waiting for half of it.
bool catch_up::has_room() const {
    const outbox& out = subscriber_.out();
    if (!out.has_room(stalled_size_, stalled_qos_)) return false;
    return stalled_qos_ == 0 || out.inflight_room() >= std::max<size_t>(1, out.inflight_max() / 2);
}

void catch_up::pump() {
    if (reader_ || waiting_for_slot_ || retry_timer_) return;
    // While a replay is to come its lanes are kept, even those that are level with the tail: what
    // is live waits for it.
    if (replays_.empty()) join_what_caught_up();
    if (finished() || !has_room()) return;
    if (proxy_.slots.acquire(*this))
        read();
    else
        waiting_for_slot_ = true;
}

void catch_up::on_slot() {
    waiting_for_slot_ = false;
    if (replays_.empty()) join_what_caught_up();
    if (!finished() && has_room()) return read();
    proxy_.release_history_slot();
    subscriber_.drop_finished_catch_up();
}

void catch_up::read() {
    stalled_size_ = 0;
    stalled_qos_ = 0;
    reading_replay_ = !replays_.empty();
    if (reading_replay_)
        read_replay(*replays_.front());
    else
        read_lane(lanes_.front());
}

void catch_up::read_lane(lane& l) {
    history_query q;
    q.exit = l.topic->exit();
    q.topic = l.topic->name();
    for (place& p : l.places) {
        p.asked = l.topic->tail()->position(p.partition);
        if (p.next < p.asked) q.positions.push_back({p.next, p.asked, p.partition, 0});
    }
    q.filters = subscriber_.filters_reading(*l.topic);
    reader_ = history_reader::open(proxy_.here, q, *this);
}

void catch_up::read_replay(const replay& r) {
    history_query q;
    q.exit = r.topic->exit();
    q.topic = r.topic->name();
    q.newest_per_key = true;
    for (const auto& p : r.places) q.positions.push_back({p.next, -1, p.partition, 0});
    for (const auto& f : r.filters) q.filters.push_back(f.filter);
    reader_ = history_reader::open(proxy_.here, q, *this);
}

void catch_up::stop_reading() {
    if (!reader_) return;
    reader_->close();
    reader_ = nullptr;
    proxy_.release_history_slot();
}

void catch_up::on_history_record(const meta_view<weft_kafka_record>& record,
                                 const weft_data& data) {
    const bool taken = reading_replay_ ? replay_record(*replays_.front(), record, data)
                                       : lane_record(lanes_.front(), record, data);
    if (!taken) stop_reading();
}

bool catch_up::send(delivery& d, uint8_t qos, bool retain) {
    if (subscriber_.out().send(d, qos, retain, proxy_.ids)) return true;
    stalled_size_ = d.size;
    stalled_qos_ = qos;
    return false;
}

bool catch_up::replay_record(replay& r, const meta_view<weft_kafka_record>& record,
                             const weft_data& data) {
    const auto at = std::find_if(r.places.begin(), r.places.end(), [&](const partition_next& p) {
        return p.partition == record->partition;
    });
    if (at == r.places.end() || record->offset < at->next) return true;
    const int64_t next = record->offset + 1;
    const auto topic = topic_of_key(record);
    delivery& d = proxy_.scratch;
    // Null and empty both mean that nothing is retained.
    if (topic.empty() || payload_size(data) == 0 ||
        !d.prepare(record, data, static_cast<uint32_t>(r.filters.size()), proxy_.here.wall_ms())) {
        at->next = next;
        return true;
    }
    bool any = false;
    uint8_t qos = 0;
    proxy_.ids.clear();
    for (const auto& f : r.filters) {
        if (!filter_matches(f.filter, topic) || !subscriber_.may_see(*f.to, d)) continue;
        any = true;
        qos = std::max(qos, f.to->qos);
        if (f.to->id) proxy_.ids.push_back(f.to->id);
    }
    if (any) {
        if (!send(d, std::min(qos, d.record.qos), true)) return false;
        subscriber_.replayed().add(d.fingerprint(), record->timestamp_ms, proxy_.here.wall_ms());
    }
    at->next = next;
    return true;
}

bool catch_up::lane_record(lane& l, const meta_view<weft_kafka_record>& record,
                           const weft_data& data) {
    place* at = l.find(record->partition);
    if (!at || record->offset < at->next) return true;
    if (!deliver_past(l, *at, record, data)) return false;
    at->next = record->offset + 1;
    return true;
}

bool catch_up::deliver_past(const lane& l, const place& at,
                            const meta_view<weft_kafka_record>& record, const weft_data& data) {
    const match_result& matches =
        l.topic->memo.lookup(proxy_.index, record.text(record->key), l.topic->number());
    const match_entry* mine = matches.find(subscriber_);
    delivery& d = proxy_.scratch;
    if (!mine || !d.prepare(record, data, mine->ids, proxy_.here.wall_ms())) return true;
    bool any = false, as_published = false;
    uint8_t qos = 0;
    proxy_.ids.clear();
    for (const subscription* s : matches.of(*mine)) {
        if (!subscriber_.may_see(*s, d) || too_old(*s, *l.topic, record->partition, record->offset))
            continue;
        any = true;
        qos = std::max(qos, s->qos);
        as_published |= (s->flags & subscription_retain_as_published) != 0;
        if (s->id) proxy_.ids.push_back(s->id);
    }
    qos = std::min(qos, d.record.qos);
    if (!any || (qos == 0 && record->offset < at.qos0_from)) return true;
    const bool was_replayed = d.record.retain && subscriber_.replayed().contains(d.fingerprint());
    return was_replayed || send(d, qos, d.record.retain && as_published);
}

void catch_up::on_history_progress(std::span<const weft_kafka_position> positions) {
    for (const auto& p : positions) {
        if (reading_replay_) {
            for (auto& at : replays_.front()->places)
                if (at.partition == p.partition) at.next = std::max(at.next, p.offset);
        } else if (place* at = lanes_.front().find(p.partition)) {
            at->next = std::max(at->next, p.offset);
        }
    }
}

void catch_up::on_history_end() {
    reader_ = nullptr;
    proxy_.release_history_slot();
    if (reading_replay_) {
        replays_.erase(replays_.begin());
    } else {
        for (place& p : lanes_.front().places) p.next = std::max(p.next, p.asked);
        std::rotate(lanes_.begin(), lanes_.begin() + 1, lanes_.end());
    }
    pump();
    subscriber_.drop_finished_catch_up();
}

void catch_up::on_history_lost() {
    reader_ = nullptr;
    proxy_.release_history_slot();
    retry_timer_ = proxy_.here.timer_in_ms(retry_ms, call<&catch_up::retry>, this);
}

void catch_up::retry() {
    retry_timer_ = 0;
    pump();
    subscriber_.drop_finished_catch_up();
}

}  // namespace weft::mqtt_kafka
