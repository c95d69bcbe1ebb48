#include "session/catch_up.hpp"

#include "mapping/levels.hpp"
#include "proxy.hpp"
#include "session/subscriber.hpp"

#include <algorithm>
#include <cstring>

namespace weft::mqtt_kafka {

namespace {
constexpr uint32_t retry_ms = 200;
}

catch_up::catch_up(proxy& p, subscriber& s) : proxy_(p), subscriber_(s) {}

catch_up::~catch_up() {
    stop_reading();
    release_slot();
    if (waiting_for_slot_) proxy_.slots.leave_line(*this);
    if (retry_timer_) proxy_.here.cancel(retry_timer_);
}

catch_up::place* catch_up::lane::find(int32_t partition) {
    const auto at = std::find_if(places.begin(), places.end(),
                                 [&](const place& p) { return p.partition == partition; });
    return at == places.end() ? nullptr : &*at;
}

const catch_up::place* catch_up::find(const kafka_topic& topic, int32_t partition) const {
    for (const lane& l : lanes_)
        if (l.topic.get() == &topic)
            for (const place& p : l.places)
                if (p.partition == partition) return &p;
    return nullptr;
}

catch_up::lane* catch_up::find(const kafka_topic& topic) {
    const auto at = std::find_if(lanes_.begin(), lanes_.end(),
                                 [&](const lane& l) { return l.topic.get() == &topic; });
    return at == lanes_.end() ? nullptr : &*at;
}

catch_up::lane& catch_up::want_lane(kafka_topic& topic) {
    if (lane* l = find(topic)) return *l;
    return lanes_.emplace_back(lane{topic_use(topic), {}, {}});
}

bool catch_up::deliver_live(const kafka_topic& topic, int32_t partition, int64_t offset,
                            uint8_t qos) const {
    const place* p = find(topic, partition);
    if (!p) return true;
    return qos == 0 && offset < p->qos0_from;
}

void catch_up::fall_behind(kafka_topic& topic, int32_t partition, int64_t offset, uint32_t size) {
    lane& l = want_lane(topic);
    if (!l.find(partition)) l.places.push_back({partition, offset, never});
    if (!has_slot_) {
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
            subscriber_.begin_at(s, *l.topic, p.partition, l.topic->tail()->position(p.partition));
    }
    if (has_slot_ && job_ == job::lane) stop_reading();  // it does not look for the new filter
}

void catch_up::forget(const subscription& s) {
    if (has_slot_) stop_reading();
    for (auto& r : replays_)
        std::erase_if(r->filters, [&](const replay_filter& f) { return f.to == &s; });
    std::erase_if(replays_, [](const auto& r) { return r->filters.empty(); });
}

void catch_up::send_again(kafka_topic& topic) {
    if (std::none_of(again_.begin(), again_.end(),
                     [&](const topic_use& t) { return t.get() == &topic; }))
        again_.emplace_back(topic);
}

void catch_up::resume(kafka_topic& topic, int32_t partition, int64_t stored) {
    const bool by_time = stored < 0;
    want_lane(topic).places.push_back(
        {partition, by_time ? 0 : stored, never, -1, by_time ? -stored : 0});
}

std::optional<int64_t> catch_up::stored_place(const kafka_topic& topic, int32_t partition) const {
    const place* p = find(topic, partition);
    return p ? std::optional(p->stored()) : std::nullopt;
}

std::vector<partition_next> catch_up::untold_places(const kafka_topic& topic) const {
    std::vector<partition_next> out;
    for (const lane& l : lanes_) {
        if (l.topic.get() != &topic) continue;
        for (const place& p : l.places)
            if (!topic.tail()->known_position(p.partition))
                out.push_back({p.partition, p.stored()});
    }
    return out;
}

void catch_up::add_replay(kafka_topic& retained, std::vector<replay_filter> filters) {
    auto r =
        std::make_unique<replay>(replay{&retained,
                                        std::move(filters),
                                        {},
                                        proxy_.acks.copies().now(),
                                        proxy_.config.table.guarded() || proxy_.topics.guarded()});
    for (const int32_t partition : retained.meta()->partitions())
        r->places.push_back({partition, WEFT_KAFKA_OFFSET_BEGIN});
    if (!r->places.empty()) replays_.push_back(std::move(r));
}

void catch_up::join_what_caught_up() {
    for (lane& l : lanes_)
        std::erase_if(l.places, [&](const place& p) {
            const auto live = l.topic->tail()->known_position(p.partition);
            if (!live || p.next < *live) return false;
            // A tail that began further back than the session had come repeats nothing to it.
            if (p.next > *live) subscriber_.begin_all_at(*l.topic, p.partition, p.next);
            return true;
        });
    std::erase_if(lanes_,
                  [&](const lane& l) { return l.places.empty() || !subscriber_.reads(*l.topic); });
}

// Kafka tells of a partition without a leader only when it has one again.
bool catch_up::can_read(const lane& l) {
    return std::any_of(l.places.begin(), l.places.end(), [&](const place& p) {
        return l.topic->tail()->known_position(p.partition).has_value();
    });
}

bool catch_up::has_work() const {
    return !replays_.empty() || !again_.empty() ||
           std::any_of(lanes_.begin(), lanes_.end(), can_read);
}

bool catch_up::has_room() const {
    return subscriber_.out().has_room(stalled_size_, stalled_qos_);
}

void catch_up::pump() {
    if (retry_timer_ || waiting_for_slot_) return;
    if (has_slot_ && !send_waiting()) return become_idle();
    if (idle_) proxy_.slots.busy(*this);
    idle_ = false;
    if (reader_) return;  // more comes by itself
    if (ended_) finish_job();
    // While a replay is to come its lanes are kept, even those that are level with the tail: what
    // is live waits for it.
    if (replays_.empty() && again_.empty()) join_what_caught_up();
    if (!has_work() || (again_.empty() && !has_room())) return release_slot();
    if (!has_slot_) {
        if (!proxy_.slots.acquire(*this)) {
            waiting_for_slot_ = true;
            return;
        }
        has_slot_ = true;
    }
    read();
}

void catch_up::on_slot() {
    waiting_for_slot_ = false;
    has_slot_ = true;
    pump();
    subscriber_.drop_finished_catch_up();
}

// Waits for the client with what was read. While nobody else wants the slot it is kept: opening a
// history stream for each acknowledgement would cost more than the records that wait.
void catch_up::become_idle() {
    if (idle_) return;
    idle_ = true;
    if (proxy_.slots.idle(*this)) return;
    stop_reading();
    release_slot();
}

void catch_up::give_up_slot() {
    stop_reading();
    has_slot_ = idle_ = false;
}

void catch_up::release_slot() {
    if (!has_slot_) return;
    has_slot_ = idle_ = false;
    proxy_.release_slot(proxy_.slots, *this);
}

void catch_up::read() {
    ended_ = false;
    if (!again_.empty()) {
        job_ = job::again;
        return read_again(*again_.front());
    }
    job_ = replays_.empty() ? job::lane : job::replay;
    if (job_ == job::replay) return read_replay(*replays_.front());
    std::rotate(lanes_.begin(), std::find_if(lanes_.begin(), lanes_.end(), can_read), lanes_.end());
    read_lane(lanes_.front());
}

void catch_up::read_again(const kafka_topic& topic) {
    history_query q;
    q.exit = topic.exit();
    q.topic = topic.name();
    subscriber_.out().flights().each([&](const flight& f) {
        if (f.stage == flight_stage::unsent && f.topic.get() == &topic)
            q.positions.push_back({f.offset, f.offset + 1, f.partition, 0});
    });
    // Without positions it would be all of the topic.
    if (q.positions.empty()) q.positions.push_back({0, 0, 0, 0});
    reader_ = history_reader::open(proxy_.here, q, *this);
}

void catch_up::read_lane(lane& l) {
    history_query q;
    q.exit = l.topic->exit();
    q.topic = l.topic->name();
    for (place& p : l.places) {
        p.asked = l.topic->tail()->position(p.partition);  // 0 if that is not known
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

// The places stay where the client is: what waited will be read again.
void catch_up::stop_reading() {
    if (reader_) reader_->close();
    reader_ = nullptr;
    waiting_.clear();
    ended_ = false;
}

void catch_up::on_history_record(const meta_view<weft_kafka_record>& record,
                                 const weft_data& data) {
    if (waiting_.empty() && handle(record, data)) return;
    keep(data);
    become_idle();
    if (!reader_ || waiting_.size() < history_records_max) return;
    reader_->close();
    reader_ = nullptr;
}

void catch_up::keep(const weft_data& data) {
    waiting_record& w = waiting_.emplace_back();
    w.block.resize((data.h.meta->size + 7) / 8);
    std::memcpy(w.block.data(), data.h.meta, data.h.meta->size);
    for (const auto& s : slices(data)) w.payload.push_back(chunk::retain(s));
    w.trace = data.h.trace_id;
}

// True when nothing waits any more.
bool catch_up::send_waiting() {
    std::vector<weft_slice> iov;
    for (; !waiting_.empty(); waiting_.pop_front()) {
        const waiting_record& w = waiting_.front();
        iov.clear();
        for (const auto& c : w.payload) iov.push_back(c.slice());
        const auto* meta = reinterpret_cast<const weft_meta*>(w.block.data());
        const weft_data data{{sizeof data, WEFT_DATA, WEFT_INIT | WEFT_FIN, w.trace, 0, meta},
                             0,
                             0,
                             0,
                             static_cast<uint32_t>(iov.size()),
                             iov.data()};
        if (!handle(meta_view<weft_kafka_record>(meta), data)) return false;
    }
    return true;
}

bool catch_up::handle(const meta_view<weft_kafka_record>& record, const weft_data& data) {
    switch (job_) {
        case job::again:
            return again_record(*again_.front(), record, data);
        case job::replay:
            return replay_record(*replays_.front(), record, data);
        case job::lane:
            return lane_record(lanes_.front(), record, data);
    }
    return true;
}

bool catch_up::sent(bool ok, const delivery& d, uint8_t qos) {
    stalled_size_ = ok ? 0 : d.size;
    stalled_qos_ = ok ? 0 : qos;
    return ok;
}

bool catch_up::send(delivery& d, uint8_t qos, bool retain, const record_place& from) {
    return sent(subscriber_.deliver(d, qos, retain, from), d, qos);
}

bool catch_up::again_record(const kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                            const weft_data& data) {
    flight* f = nullptr;
    subscriber_.out().flights().each([&](flight& x) {
        if (x.stage == flight_stage::unsent && x.topic.get() == &topic &&
            x.partition == record->partition && x.offset == record->offset)
            f = &x;
    });
    if (!f) return true;
    const bool retained = topic.name() == proxy_.config.retained_topic;
    const match_result& matches =
        f->topic->memo.lookup(proxy_.index, record.text(record->key), topic.number());
    const match_entry* mine = retained ? nullptr : matches.find(subscriber_);
    delivery& d = proxy_.scratch;
    // What was sent does not expire any more (MQTT 5, 4.3.3-7).
    if (!d.prepare(record, data, mine ? mine->ids : 0, proxy_.here.wall_ms(), true)) return true;
    proxy_.ids.clear();
    bool as_published = false;
    if (mine)
        for (const subscription* s : matches.of(*mine)) {
            as_published |= (s->flags & subscription_retain_as_published) != 0;
            if (s->id) proxy_.ids.push_back(s->id);
        }
    const bool retain = retained || (d.record.retain && as_published);
    return sent(subscriber_.out().send_again(d, *f, retain, proxy_.ids), d, 0);
}

// What was asked for and did not come is no longer there, or has expired.
void catch_up::drop_lost(const kafka_topic& topic) {
    std::vector<uint16_t> lost;
    subscriber_.out().flights().each([&](const flight& f) {
        if (f.stage == flight_stage::unsent && f.topic.get() == &topic) lost.push_back(f.id);
    });
    for (const uint16_t id : lost) subscriber_.on_record_lost(id);
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
        proxy_.acks.copies().is_later(r.topic->name(), record->partition, record->offset,
                                      r.since) ||
        !d.prepare(record, data, static_cast<uint32_t>(r.filters.size()), proxy_.here.wall_ms())) {
        at->next = next;
        return true;
    }
    // What is retained of all routes is in one Kafka topic: where routes are guarded, only those
    // may see it who may see the messages themselves.
    const kafka_topic* messages = nullptr;
    if (route_target to;
        r.guarded && proxy_.config.table.match_publish(topic, to) == route_result::ok)
        messages = proxy_.topic_named(to.topic);
    bool any = false;
    uint8_t qos = 0;
    proxy_.ids.clear();
    for (const auto& f : r.filters) {
        if (!filter_matches(f.filter, topic) || !subscriber_.may_see(*f.to, d)) continue;
        if (r.guarded && !(messages && f.to->topics->contains(messages->number()))) continue;
        any = true;
        qos = std::max(qos, f.to->qos);
        if (f.to->id) proxy_.ids.push_back(f.to->id);
    }
    if (any) {
        if (!send(d, std::min(qos, d.record.qos), true,
                  {r.topic, record->partition, record->offset}))
            return false;
        subscriber_.replayed().add(d.fingerprint(), record->timestamp_ms, proxy_.here.wall_ms());
    }
    at->next = next;
    return true;
}

bool catch_up::lane_record(lane& l, const meta_view<weft_kafka_record>& record,
                           const weft_data& data) {
    place* at = l.find(record->partition);
    if (!at || record->offset < at->next) return true;
    // A record without a time may be of any.
    const bool too_old = record->timestamp_ms >= 0 && record->timestamp_ms < at->since_ms;
    if (!too_old && !deliver_past(l, *at, record, data)) return false;
    if (record->timestamp_ms >= at->since_ms) at->since_ms = 0;
    at->next = record->offset + 1;
    return true;
}

bool catch_up::deliver_past(lane& l, const place& at, const meta_view<weft_kafka_record>& record,
                            const weft_data& data) {
    const match_result& matches =
        l.topic->memo.lookup(proxy_.index, record.text(record->key), l.topic->number());
    const match_entry* mine = matches.find(subscriber_);
    delivery& d = proxy_.scratch;
    if (!mine || !d.prepare(record, data, mine->ids, proxy_.here.wall_ms())) return true;
    if (d.record.qos2 && proxy_.copies.second_past(l.way, l.topic->number(), d.record, *record))
        return true;
    bool any = false, as_published = false;
    uint8_t qos = 0;
    proxy_.ids.clear();
    for (const subscription* s : matches.of(*mine)) {
        if (!subscriber_.may_see(*s, d) ||
            subscriber_.too_early(*s, *l.topic, record->partition, record->offset))
            continue;
        any = true;
        qos = std::max(qos, s->qos);
        as_published |= (s->flags & subscription_retain_as_published) != 0;
        if (s->id) proxy_.ids.push_back(s->id);
    }
    qos = std::min(qos, d.record.qos);
    if (!any || (qos == 0 && record->offset < at.qos0_from)) return true;
    const bool was_replayed = d.record.retain && subscriber_.replayed().contains(d.fingerprint());
    return was_replayed || send(d, qos, d.record.retain && as_published,
                                {l.topic.get(), record->partition, record->offset});
}

void catch_up::on_history_progress(std::span<const weft_kafka_position> positions) {
    if (!waiting_.empty()) return;  // it is ahead of what the client has
    if (job_ == job::again) return;
    for (const auto& p : positions) {
        if (job_ == job::replay) {
            for (auto& at : replays_.front()->places)
                if (at.partition == p.partition) at.next = std::max(at.next, p.offset);
        } else if (place* at = lanes_.front().find(p.partition)) {
            at->next = std::max(at->next, p.offset);
        }
    }
}

void catch_up::on_history_end() {
    reader_ = nullptr;
    ended_ = true;
    pump();
    subscriber_.drop_finished_catch_up();
}

void catch_up::finish_job() {
    ended_ = false;
    if (job_ == job::again) {
        const topic_use topic = std::move(again_.front());
        again_.erase(again_.begin());
        drop_lost(*topic);
        if (again_.empty()) subscriber_.on_resent();
        return;
    }
    if (job_ == job::replay) {
        replays_.erase(replays_.begin());
        return;
    }
    for (place& p : lanes_.front().places) p.next = std::max(p.next, p.asked);
    std::rotate(lanes_.begin(), lanes_.begin() + 1, lanes_.end());
}

void catch_up::on_history_lost() {
    reader_ = nullptr;
    stop_reading();
    release_slot();
    retry_timer_ = proxy_.here.timer_in_ms(retry_ms, call<&catch_up::retry>, this);
}

void catch_up::retry() {
    retry_timer_ = 0;
    pump();
    subscriber_.drop_finished_catch_up();
}

}  // namespace weft::mqtt_kafka
