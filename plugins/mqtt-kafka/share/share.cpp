#include "share/share.hpp"

#include "mapping/levels.hpp"
#include "proxy.hpp"

#include <algorithm>
#include <utility>

namespace weft::mqtt_kafka {

share::share(proxy& p, share_group& g, uint32_t number, std::string filter,
             const std::vector<kafka_topic*>& topics)
    : proxy_(p), group_(g), number_(number), filter_(std::move(filter)) {
    topic_set set;
    for (kafka_topic* t : topics) {
        proxy_.topics.want_tail(*t);
        set.add(t->number());
        lanes_.push_back({topic_use(*t), {}, {}});
    }
    subscription_.owner = this;
    subscription_.topics = proxy_.topics.intern(set);
    subscription_.id = 1;  // makes room for a member's
    subscription_.qos = 2;
    proxy_.topics.count(*subscription_.topics, true);
    proxy_.shares.add(*this);
}

share::~share() {
    proxy_.shares.remove(*this);
    stop_reading();
    if (retry_timer_) proxy_.here.cancel(retry_timer_);
    if (started_) proxy_.index.erase(subscription_);
    proxy_.topics.count(*subscription_.topics, false);
}

share::place* share::lane::find(int32_t partition) {
    const auto at = std::find_if(places.begin(), places.end(),
                                 [&](const place& p) { return p.partition == partition; });
    return at == places.end() ? nullptr : &*at;
}

std::optional<uint32_t> share::lane_of(const kafka_topic& topic) const {
    for (uint32_t i = 0; i < lanes_.size(); ++i)
        if (lanes_[i].topic.get() == &topic) return i;
    return std::nullopt;
}

share::member* share::find(member_id id) {
    const auto at =
        std::find_if(members_.begin(), members_.end(), [&](const member& m) { return m.id == id; });
    return at == members_.end() ? nullptr : &*at;
}

int64_t share::begin_in(lane& l, const partition_next& tail, share_begin from) const {
    const int64_t now = std::max(tail.next, l.topic->acknowledged().next(tail.partition));
    if (from == share_begin::now) return now;
    return group_.place_in(*l.topic, tail.partition, from == share_begin::first).value_or(now);
}

void share::start_if_ready(share_begin from) {
    if (started_) return;
    for (const lane& l : lanes_) {
        if (!l.topic->tail()->live()) return;
        if (!settled_ && !group_.link(*l.topic).known()) return;
    }
    started_ = true;
    for (lane& l : lanes_)
        for (const auto& at : l.topic->tail()->positions()) {
            const int64_t next = begin_in(l, at, from);
            l.places.push_back({at.partition, next, next >= at.next});
        }
    for (const share_place& a : std::exchange(adopted_, {})) {
        if (a.lane >= lanes_.size()) continue;
        if (place* p = lanes_[a.lane].find(a.partition))
            *p = {a.partition, a.next, false};
        else
            lanes_[a.lane].places.push_back({a.partition, a.next, false});
    }
    proxy_.index.insert(subscription_, filter_);
    settle_if_committed();
    pump();
}

// Whoever is answered before could lose what is published next: a crash would forget the place.
void share::settle_if_committed() {
    if (!started_) return;
    const auto is_committed = [&](const lane& l) {
        const auto& committed = group_.link(*l.topic).committed();
        return std::all_of(l.places.begin(), l.places.end(), [&](const place& p) {
            const auto at = committed.find(p.partition);
            return at != committed.end() && at->second <= p.next;
        });
    };
    if (!settled_ && !std::all_of(lanes_.begin(), lanes_.end(), is_committed)) return;
    settled_ = true;
    for (const member_id id : std::exchange(joining_, {})) join(id, false);
}

void share::join(member_id id, bool resumes) {
    resumes_ |= resumes && !started_;
    if (!settled_ || !started_) return joining_.push_back(id);
    members_.push_back({id});
    auto l = make_letter(letter_kind::joined);
    l->member = id;
    l->share = number_;
    proxy_.shares.to_member(id, std::move(l));
}

void share::leave(member_id id) {
    std::erase(joining_, id);
    std::erase_if(members_, [&](const member& m) { return m.id == id; });
}

void share::room(member_id id, uint32_t turn) {
    member* m = find(id);
    if (!m || turn < m->turn) return;
    m->turn = turn;
    m->full = false;
    pump();
}

std::optional<share_key> share::landed(uint64_t cookie) {
    const auto f = flights_.take(cookie);
    if (!f.cookie) return std::nullopt;
    if (member* m = find(f.at)) --m->flying;
    return f.of;
}

// What a member had no room for, or has not acknowledged before it went.
void share::refused(member_id id, uint32_t turn, uint64_t cookie) {
    member* m = find(id);
    if (m && m->turn == turn) m->full = true;
    if (const auto of = landed(cookie)) again_.insert(*of);
    pump();
}

void share::done(uint64_t cookie) {
    if (landed(cookie)) pump();
}

void share::on_live(kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                    const weft_data& data, delivery& d, const match_result&, const match_entry&) {
    const auto number = lane_of(topic);
    place* p = number ? lanes_[*number].find(record->partition) : nullptr;
    if (!p || !p->level || record->offset < p->next) return;
    if (again_.empty() && dispatch({*number, record->partition, record->offset}, record, data, d)) {
        p->next = record->offset + 1;
        return;
    }
    p->next = record->offset;
    p->level = false;
}

void share::on_tail_gap(const kafka_topic& topic, const std::vector<partition_next>& before) {
    const auto number = started_ ? lane_of(topic) : std::nullopt;
    if (!number) return;
    lane& l = lanes_[*number];
    for (const auto& b : before) {
        if (place* p = l.find(b.partition); !p) {
            // Of a partition that is heard of later the group may have committed something.
            const auto known = group_.place_in(topic, b.partition, false);
            l.places.push_back({b.partition, known.value_or(b.next), false});
        } else if (p->level) {
            p->next = std::max(p->next, b.next);
            p->level = false;
        }
    }
    pump();
}

void share::on_tail_back(const kafka_topic& topic, const partition_next& to, bool anew) {
    const auto number = started_ ? lane_of(topic) : std::nullopt;
    place* p = number ? lanes_[*number].find(to.partition) : nullptr;
    if (!p) return;
    if (!anew) {
        p->next = std::min(p->next, to.next);
        return;
    }
    stop_reading();
    p->next = 0;  // where the log begins, if it begins later
    p->level = false;
    const auto is_of = [&](const share_key& k) {
        return k.lane == *number && k.partition == to.partition;
    };
    std::erase_if(again_, is_of);
    std::vector<uint64_t> gone;
    flights_.each([&](const share_flights::flight& f) {
        if (is_of(f.of)) gone.push_back(f.cookie);
    });
    for (const uint64_t cookie : gone) landed(cookie);
    pump();
}

void share::add_places(const kafka_topic& topic, std::map<int32_t, int64_t>& out) const {
    const auto number = lane_of(topic);
    if (!number) return;
    std::map<int32_t, int64_t> mine;
    for (const place& p : lanes_[*number].places)
        mine[p.partition] =
            p.level ? std::max(p.next, topic.tail()->position(p.partition)) : p.next;
    const auto wait_for = [&](const share_key& k) {
        if (k.lane != *number) return;
        const auto [at, fresh] = mine.emplace(k.partition, k.offset);
        if (!fresh) at->second = std::min(at->second, k.offset);
    };
    for (const share_key& k : again_) wait_for(k);
    flights_.each([&](const share_flights::flight& f) { wait_for(f.of); });
    for (const auto& [partition, low] : mine) {
        const auto [at, fresh] = out.emplace(partition, low);
        if (!fresh) at->second = std::min(at->second, low);
    }
}

// A member on this worker takes or refuses at once; on another it gets a copy, and refuses by
// letter.
bool share::offer(member& m, const share_key& of, const meta_view<weft_kafka_record>& record,
                  const weft_data& data, delivery& d) {
    if (m.full) return false;
    const uint64_t cookie = flights_.next();
    if (proxy_.shares.is_here(m.id)) {
        switch (proxy_.shares.offer(m.id.number, m.turn, of.lane, *record, d, cookie)) {
            case shares::taken::no:
                m.full = true;
                return false;
            case shares::taken::done:
                return true;
            case shares::taken::yes:
                break;
        }
    } else {
        if (m.flying >= proxy_.config.limit.share_remote_inflight_max) return false;
        auto l = shares::copy(data);
        l->member = m.id;
        l->share = number_;
        l->turn = m.turn;
        l->cookie = cookie;
        l->lane = of.lane;
        proxy_.shares.to_member(m.id, std::move(l));
    }
    ++m.flying;
    flights_.add(of, m.id);
    return true;
}

bool share::dispatch(const share_key& of, const meta_view<weft_kafka_record>& record,
                     const weft_data& data, delivery& d) {
    for (size_t i = 0; i < members_.size(); ++i) {
        const size_t at = (turn_ + i) % members_.size();
        if (!offer(members_[at], of, record, data, d)) continue;
        turn_ = at + 1;
        return true;
    }
    return false;
}

}  // namespace weft::mqtt_kafka
