// A shared subscription behind the tails: what it reads from history, and what comes of that.
#include "mapping/levels.hpp"
#include "proxy.hpp"
#include "share/share.hpp"

#include <algorithm>
#include <utility>

namespace weft::mqtt_kafka {

namespace {
constexpr uint32_t share_retry_ms = 200;  // before a history stream that broke is opened again
}

bool share::has_room() const {
    return std::any_of(members_.begin(), members_.end(), [&](const member& m) {
        return !m.full && (proxy_.shares.is_here(m.id) ||
                           m.flying < proxy_.config.limit.share_remote_inflight_max);
    });
}

void share::pump() {
    if (reader_ || retry_timer_ || !started_ || !has_room()) return;
    if (!again_.empty()) return read_again();
    for (uint32_t i = 0; i < lanes_.size(); ++i)
        if (read_lane(i)) return;
}

void share::read_again() {
    history_query q;
    reading_ = again_.begin()->lane;
    q.exit = lanes_[reading_].topic->exit();
    q.topic = lanes_[reading_].topic->name();
    for (const share_key& k : again_) {
        if (k.lane != reading_ || asked_.size() == history_records_max) break;
        asked_.insert(k);
        q.positions.push_back({k.offset, k.offset + 1, k.partition, 0});
    }
    reading_again_ = true;
    reader_ = history_reader::open(proxy_.here, q, *this);
}

// False when there is nothing to read: its places are level with the tail.
bool share::read_lane(uint32_t number) {
    lane& l = lanes_[number];
    history_query q;
    for (place& p : l.places) {
        if (p.level) continue;
        const auto live = l.topic->tail()->known_position(p.partition);
        if (!live) continue;  // without a leader; it is told of when it has one
        if (p.next >= *live) {
            p.level = true;
            continue;
        }
        p.asked = *live;
        q.positions.push_back({p.next, p.asked, p.partition, 0});
    }
    if (q.positions.empty()) return false;
    q.exit = l.topic->exit();
    q.topic = l.topic->name();
    q.filters.push_back(filter_);
    reading_ = number;
    reading_again_ = false;
    reader_ = history_reader::open(proxy_.here, q, *this);
    return true;
}

void share::stop_reading() {
    if (reader_) reader_->close();
    reader_ = nullptr;
    asked_.clear();
}

void share::on_history_record(const meta_view<weft_kafka_record>& record, const weft_data& data) {
    if (reading_again_)
        again_record(record, data);
    else
        lane_record(record, data);
}

void share::again_record(const meta_view<weft_kafka_record>& record, const weft_data& data) {
    const share_key k{reading_, record->partition, record->offset};
    if (asked_.erase(k) == 0) return;
    delivery& d = proxy_.scratch;
    // What has expired meanwhile is nobody's any more.
    if (!d.prepare(record, data, 1, proxy_.here.wall_ms()) || dispatch(k, record, data, d))
        again_.erase(k);
    else
        stop_reading();
}

void share::lane_record(const meta_view<weft_kafka_record>& record, const weft_data& data) {
    lane& l = lanes_[reading_];
    place* p = l.find(record->partition);
    if (!p || record->offset < p->next) return;
    delivery& d = proxy_.scratch;
    const bool wanted =
        d.prepare(record, data, 1, proxy_.here.wall_ms()) &&
        filter_matches(filter_, d.record.topic) &&
        !(d.record.qos2 && proxy_.copies.second_past(l.way, l.topic->number(), d.record, *record));
    const share_key k{reading_, record->partition, record->offset};
    if (wanted && (!again_.empty() || !dispatch(k, record, data, d))) {
        stop_reading();
        return pump();  // something came back: that first
    }
    p->next = record->offset + 1;
}

void share::on_history_progress(std::span<const weft_kafka_position> positions) {
    if (reading_again_) return;
    for (const auto& told : positions)
        if (place* p = lanes_[reading_].find(told.partition))
            p->next = std::max(p->next, told.offset);
}

void share::on_history_end() {
    reader_ = nullptr;
    if (reading_again_) {
        // What was asked for and did not come is no longer in Kafka.
        for (const share_key& k : std::exchange(asked_, {})) {
            again_.erase(k);
            proxy_.deliveries_lost.add();
        }
    } else {
        for (place& p : lanes_[reading_].places)
            if (!p.level) p.next = std::max(p.next, std::exchange(p.asked, -1));
    }
    pump();
}

void share::on_history_lost() {
    reader_ = nullptr;
    asked_.clear();
    retry_timer_ = proxy_.here.timer_in_ms(share_retry_ms, call<&share::retry>, this);
}

void share::retry() {
    retry_timer_ = 0;
    pump();
}

}  // namespace weft::mqtt_kafka
