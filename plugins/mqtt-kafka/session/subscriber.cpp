#include "session/subscriber.hpp"

#include "proxy.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {
constexpr size_t history_filters_max =
    1024;  // more are not worth sending: everything is read and matched here
}

subscriber::subscriber(proxy& p, session& s, stream out, uint16_t inflight_max, uint32_t window_max)
    : proxy_(p),
      session_(s),
      outbox_(out, inflight_max, window_max, s.durable()),
      replayed_(p.here) {}

subscriber::~subscriber() {
    leave_all_shared();
    catch_up_.reset();
    while (first_) remove(*first_);
}

std::string_view subscriber::client_id() const {
    return session_.client_id();
}

bool subscriber::may_see(const subscription& s, const delivery& d) const {
    return !(s.flags & subscription_no_local) || d.record.publisher != client_id();
}

bool subscriber::too_early(const subscription& s, const kafka_topic& topic, int32_t partition,
                           int64_t offset) const {
    return beginnings_.after(s, topic.number(), partition, offset);
}

void subscriber::begin_at(const subscription& s, const kafka_topic& topic, int32_t partition,
                          int64_t from) {
    beginnings_.add(s, topic.number(), partition, from);
}

void subscriber::begin_all_at(const kafka_topic& topic, int32_t partition, int64_t from) {
    for (const subscription* s = first_; s; s = s->owner_after)
        if (s->topics->contains(topic.number())) begin_at(*s, topic, partition, from);
}

void subscriber::begin_behind_acknowledged(const subscription& s) {
    proxy_.topics.for_each([&](const kafka_topic& t) {
        if (!t.tail() || !s.topics->contains(t.number())) return;
        for (const auto& at : t.tail()->positions()) {
            const int64_t from = t.acknowledged().next(at.partition);
            if (from > at.next) begin_at(s, t, at.partition, from);
        }
    });
}

bool subscriber::reads(const kafka_topic& topic) const {
    for (const subscription* s = first_; s; s = s->owner_after)
        if (s->topics->contains(topic.number())) return true;
    return false;
}

std::vector<std::string> subscriber::filters_reading(const kafka_topic& topic) const {
    std::vector<std::string> out;
    for (const subscription* s = first_; s; s = s->owner_after) {
        if (!s->topics->contains(topic.number())) continue;
        if (out.size() == history_filters_max) return {};
        out.push_back(proxy_.index.filter_of(*s));
    }
    return out;
}

void subscriber::on_live(kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                         const weft_data&, delivery& d, const match_result& matches,
                         const match_entry& entry) {
    uint8_t qos = entry.qos;
    bool as_published = entry.flags & subscription_retain_as_published;
    auto& ids = proxy_.ids;
    ids.clear();
    if (!beginnings_.empty() && !catch_up_)
        beginnings_.passed(topic.number(), record->partition, record->offset);
    if (entry.ids != 0 || (entry.flags & subscription_no_local) || !beginnings_.empty()) {
        bool any = false;
        qos = 0;
        as_published = false;
        for (const subscription* s : matches.of(entry)) {
            if (!may_see(*s, d) || too_early(*s, topic, record->partition, record->offset))
                continue;
            any = true;
            qos = std::max(qos, s->qos);
            as_published |= (s->flags & subscription_retain_as_published) != 0;
            if (s->id) ids.push_back(s->id);
        }
        if (!any) return;
    }
    qos = std::min(qos, d.record.qos);
    if (catch_up_ && !catch_up_->deliver_live(topic, record->partition, record->offset, qos))
        return;
    if (d.record.retain && !replayed_.empty() && replayed_.contains(d.fingerprint())) return;
    const bool retain = d.record.retain && as_published;
    if (qos == 0) {
        if (!outbox_.send(d, 0, retain, ids, {})) proxy_.qos0_dropped.add();
        return;
    }
    if ((!catch_up_ || !catch_up_->starved()) &&
        deliver(d, qos, retain, {&topic, record->partition, record->offset}))
        return;
    want_catch_up().fall_behind(topic, record->partition, record->offset, d.size);
}

void subscriber::on_tail_gap(kafka_topic& topic, const std::vector<partition_next>& before) {
    want_catch_up().hold(topic, before);
    catch_up_->pump();
    drop_finished_catch_up();
}

bool subscriber::deliver(delivery& d, uint8_t qos, bool retain, const record_place& from) {
    if (!outbox_.send(d, qos, retain, proxy_.ids, from)) return false;
    if (qos == 2)
        session_.changed(session_key::inflight);
    else if (qos == 1)
        session_.changed_lazily();
    return true;
}

// MQTT 5, 4.3: PUBACK and PUBCOMP end a delivery, PUBREC is answered with PUBREL. An id that is not
// in flight is of a delivery that no longer concerns anybody.
void subscriber::on_ack(uint8_t type, uint16_t packet_id, uint8_t code) {
    flight* f = outbox_.flights().find(packet_id);
    const bool ends = type == puback_type || type == pubcomp_type || code >= reason::unspecified;
    if (type == pubrec_type && !ends) {
        if (!f || f->qos != 2)
            return session_.send_ack(pubrel_type, packet_id, {reason::packet_id_not_found, {}});
        if (f->stage == flight_stage::sent) {
            if (session_.durable()) {
                f->stage = flight_stage::received_unrecorded;
                return session_.changed(session_key::inflight);
            }
            f->stage = flight_stage::received;
        }
        if (f->stage == flight_stage::received) session_.send_ack(pubrel_type, packet_id, {});
        return;
    }
    if (!f || !ends) return;
    const auto [share, cookie] = std::pair(f->share, f->cookie);
    outbox_.flights().release(packet_id);
    if (share != 0) end_shared_flight(share, cookie, true);
    session_.changed_lazily();
    tell_room();
    if (!catch_up_) return;
    catch_up_->pump();
    drop_finished_catch_up();
}

void subscriber::on_window(uint32_t maximum) {
    outbox_.on_window(maximum);
    tell_room();
    if (!catch_up_) return;
    catch_up_->pump();
    drop_finished_catch_up();
}

catch_up& subscriber::want_catch_up() {
    if (!catch_up_) catch_up_ = std::make_unique<catch_up>(proxy_, *this);
    return *catch_up_;
}

void subscriber::drop_finished_catch_up() {
    if (!catch_up_ || !catch_up_->finished()) return;
    catch_up_.reset();
    if (beginnings_.empty()) return;
    proxy_.topics.for_each([&](const kafka_topic& t) {
        if (!t.tail()) return;
        for (const auto& at : t.tail()->positions())
            beginnings_.passed(t.number(), at.partition, at.next);
    });
}

subscription& subscriber::put(const subscribe_request& r, const subscribe_request::filter& f) {
    subscription* s = proxy_.index.find(*this, f.text);
    const bool known = s != nullptr;
    if (!known) {
        s = new subscription;
        s->owner = this;
        s->owner_after = first_;
        if (first_) first_->owner_before = s;
        first_ = s;
        ++count_;
    }
    s->id = r.id;
    s->qos = f.code;
    s->flags = f.flags;
    topic_set topics;
    for (const auto& t : f.topics) topics.add(t->number());
    if (s->topics) proxy_.topics.count(*s->topics, false);
    s->topics = proxy_.topics.intern(topics);
    proxy_.topics.count(*s->topics, true);
    if (known)
        proxy_.index.touch();
    else
        proxy_.index.insert(*s, f.text);
    return *s;
}

void subscriber::remove(subscription& s) {
    if (s.owner_before)
        s.owner_before->owner_after = s.owner_after;
    else
        first_ = s.owner_after;
    if (s.owner_after) s.owner_after->owner_before = s.owner_before;
    --count_;
    if (catch_up_) catch_up_->forget(s);
    beginnings_.forget(s);
    proxy_.index.erase(s);
    proxy_.topics.count(*s.topics, false);
    delete &s;
}

}  // namespace weft::mqtt_kafka
