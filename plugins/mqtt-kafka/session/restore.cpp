// A stored session goes on: its subscriptions, what is in flight, its places; and what is stored of
// it.
#include "proxy.hpp"
#include "session/session.hpp"
#include "session/subscriber.hpp"

#include <algorithm>
#include <iterator>

namespace weft::mqtt_kafka {

namespace {

// Flags of a subscription, here and in its record.
constexpr std::pair<uint8_t, uint8_t> flag_names[] = {
    {subscription_no_local, session_state::no_local},
    {subscription_retain_as_published, session_state::retain_as_published},
    {subscription_send_retained, session_state::send_retained}};

uint8_t to_record(uint8_t flags) {
    uint8_t out = 0;
    for (const auto& [ours, theirs] : flag_names)
        if (flags & ours) out |= theirs;
    return out;
}
uint8_t from_record(uint8_t flags) {
    uint8_t out = 0;
    for (const auto& [ours, theirs] : flag_names)
        if (flags & theirs) out |= ours;
    return out;
}

}  // namespace

void subscriber::restore(const session_state& state, session_inflight inflight) {
    restored_ = std::make_unique<session_inflight>(std::move(inflight));
    // A request per Subscription Identifier, since a SUBSCRIBE has one; before what the client has
    // asked for meanwhile.
    std::vector<std::unique_ptr<subscribe_request>> made;
    for (const auto& stored : state.filters) {
        if (made.empty() || made.back()->id != stored.id) {
            made.push_back(std::make_unique<subscribe_request>());
            made.back()->restore = true;
            made.back()->id = stored.id;
        }
        subscribe_request::filter f;
        f.text = stored.pattern;
        f.qos = std::min<uint8_t>(stored.qos, 2);
        f.flags = from_record(stored.flags);
        f.resumes = true;
        f.retain_handling = 2;  // what is retained was sent when it was asked for
        decide(f, made.back()->reason);
        made.back()->filters.push_back(std::move(f));
    }
    if (made.empty()) return finish_restore();
    requests_.insert(requests_.begin(), std::make_move_iterator(made.begin()),
                     std::make_move_iterator(made.end()));
}

// After the last of them: places need all subscriptions, or what one reads would be passed over.
void subscriber::finish_restore() {
    const auto more = std::count_if(requests_.begin(), requests_.end(),
                                    [](const auto& r) { return r->restore && !r->applied; });
    if (more > 0 || !restored_) return;
    resume_positions();
    bool again = false;
    for (const auto& d : restored_->deliveries) {
        kafka_topic* topic = proxy_.topic_named(d.topic);
        if (!topic) {
            proxy_.deliveries_lost.add();
            continue;
        }
        const bool received = d.state == session_inflight::received;
        again |= !received;
        outbox_.flights().restore({topic_use(*topic), d.offset, d.partition, d.packet_id,
                                   std::min<uint8_t>(d.qos, 2),
                                   received ? flight_stage::received : flight_stage::unsent});
        if (!received) want_catch_up().send_again(*topic);
    }
    restored_.reset();
    if (!again) on_resent();
    if (!catch_up_) return;
    catch_up_->pump();
    drop_finished_catch_up();
}

void subscriber::resume_positions() {
    proxy_.topics.for_each([&](kafka_topic& t) {
        if (!t.tail() || !reads(t)) return;
        const auto& stored = restored_->positions;
        const auto of_topic = [&](const auto& p) { return p.topic == t.name(); };
        // A topic that the session did not read before begins now.
        if (std::none_of(stored.begin(), stored.end(), of_topic)) return;
        for (const auto& live : t.tail()->positions()) {
            const auto at = std::find_if(stored.begin(), stored.end(), [&](const auto& p) {
                return of_topic(p) && p.partition == live.partition;
            });
            // Not known at that time, since it was added later or had no leader: it is read from
            // its beginning, but for what was written before the session left.
            const int64_t next = at == stored.end()
                                     ? -std::max<int64_t>(restored_->written_ms - clock_skew_ms, 0)
                                     : at->next;
            if (std::max<int64_t>(next, 0) < live.next)
                want_catch_up().resume(t, live.partition, next);
            if (next > live.next) begin_all_at(t, live.partition, next);
        }
        // Of a partition without a leader nothing can be said now; it is read when it has one.
        for (const auto& p : stored)
            if (of_topic(p) && !t.tail()->known_position(p.partition))
                want_catch_up().resume(t, p.partition, p.next);
    });
}

void subscriber::on_resent() {
    outbox_.flights().each([&](const flight& f) {
        if (f.stage == flight_stage::received) session_.send_ack(pubrel_type, f.id, {});
    });
}

void subscriber::on_record_lost(uint16_t packet_id) {
    outbox_.flights().release(packet_id);
    proxy_.deliveries_lost.add();
    proxy_.events.emit(
        WEFT_WARN, "binding.mqtt.kafka.delivery.lost", {},
        "A message in flight to client (" + std::string(client_id()) + ") is no longer in Kafka.");
    session_.changed_lazily();
}

session_state subscriber::state() const {
    session_state out;
    for (const subscription* s = first_; s; s = s->owner_after)
        out.filters.push_back({s->id, s->qos, to_record(s->flags), 0, proxy_.index.filter_of(*s)});
    std::reverse(out.filters.begin(), out.filters.end());
    for (const auto& s : shared_)
        if (s->active) out.filters.push_back({s->id, s->qos, to_record(s->flags), 0, s->pattern});
    return out;
}

session_inflight subscriber::write_inflight() {
    session_inflight out;
    outbox_.flights().each([&](const flight& f) {
        // What a group has lent goes back to it.
        if (f.share != 0 && f.qos < 2) return;
        const bool received = f.stage >= flight_stage::received_unrecorded;
        out.deliveries.push_back({f.id, f.topic->name(), f.partition, f.offset, f.qos,
                                  received ? session_inflight::received : session_inflight::sent});
    });
    proxy_.topics.for_each([&](const kafka_topic& t) {
        if (!t.tail() || !reads(t)) return;
        for (const auto& live : t.tail()->positions()) {
            int64_t next = beginnings_.furthest(t.number(), live.partition, live.next);
            if (catch_up_) next = catch_up_->stored_place(t, live.partition).value_or(next);
            out.positions.push_back({t.name(), live.partition, next});
        }
        if (!catch_up_) return;
        for (const auto& p : catch_up_->untold_places(t))
            out.positions.push_back({t.name(), p.partition, p.next});
    });
    outbox_.recording();
    return out;
}

void subscriber::on_inflight_written() {
    for (const uint16_t id : outbox_.recorded()) session_.send_ack(pubrel_type, id, {});
    tell_room();
}

}  // namespace weft::mqtt_kafka
