#include "session/publisher.hpp"

#include "mapping/levels.hpp"
#include "mapping/publish_encoder.hpp"
#include "proxy.hpp"

#include <algorithm>
#include <cstring>

namespace weft::mqtt_kafka {

namespace {
constexpr uint32_t pending_overhead =
    128;  // bookkeeping of one publish, counted against the worker's limit
}  // namespace

publisher::publisher(proxy& p) : proxy_(p) {}

void publisher::on_data(session& s, const weft_data& d) {
    s.credit.unreleased += d.reserved;
    if ((d.h.flags & (WEFT_INIT | WEFT_FIN)) != (WEFT_INIT | WEFT_FIN)) return on_part(s, d);
    const meta_view<weft_mqtt_publish> view(d.h.meta);
    if (!view) return give_back(s, d.reserved);
    publish({s, d.h.meta, view, slices(d), static_cast<uint32_t>(payload_size(d)), d.reserved,
             d.h.trace_id});
}

void publisher::publish(const incoming& in) {
    if (in.view->qos > proxy_.config.publish_qos_max && !in.will) {
        // The server refuses these before they come here (MQTT 5, 3.2.2.3.4); a packet id could not
        // be answered rightly.
        give_back(in.from, in.reserved);
        return in.from.end_client({reason::qos_not_supported, "QoS is above what is supported"});
    }
    if (const auto& extra = in.from.credit.extra;
        extra && !extra->asked.empty() && !in.resumed && !in.will)
        return hold(in, nullptr);
    if (in.view->qos == 2 && !in.will && !begin_qos2(in)) return;
    // A will was let in with its CONNECT, and is also sent for who is not there any more.
    const routed& r = route(in.topic(), in.will ? all_rights : in.from.rights());
    if (const refusal why = check(r, in.topic())) return refuse(in, why);
    if (!in.will && r.topic->access()->guarded() && !admitted(in, *r.topic)) return;
    kafka_topic* retained = nullptr;
    if (in.retain()) {
        retained = proxy_.retained_topic(r.topic->exit());
        const auto& link = proxy_.topics.want_producer(*retained);
        if (link.state() == topic_state::missing)
            return refuse(in, {reason::implementation_specific, link.trouble()});
    }
    if (in.view->qos == 2 && !in.will) {
        incoming numbered = in;
        numbered.number =
            in.from.received().begin(in.view->packet_id, in.view->flags & WEFT_MQTT_DUP);
        // It must be known where a new owner would look for it.
        if (in.from.durable() && !in.from.received().knows(r.topic->name()))
            return publish_staged(numbered, r, retained);
        return send_on(numbered, r, retained);
    }
    send_on(in, r, retained);
}

void publisher::send_on(const incoming& in, const routed& r, kafka_topic* retained) {
    const auto& extra = in.from.credit.extra;
    key_ = in.topic();
    if (retained || (extra && extra->holds.contains(key_)))
        publish_staged(in, r, retained);
    else
        publish_plain(in, r);
}

const publisher::routed& publisher::route(std::string_view topic, route_rights rights) {
    memo_key_ = topic;
    if (proxy_.config.table.guarded()) {
        memo_key_ += '\0';
        memo_key_.append(reinterpret_cast<const char*>(&rights), sizeof rights);
    }
    if (generation_ != proxy_.topics.generation()) {
        routes_.clear();
        generation_ = proxy_.topics.generation();
    }
    if (const auto found = routes_.find(memo_key_); found != routes_.end()) return found->second;
    if (routes_.size() >= route_memo_max) routes_.clear();
    routed& r = routes_[memo_key_];
    route_target target;
    r.result = proxy_.config.table.match_publish(topic, target, rights);
    if (r.result == route_result::ok) r.topic = proxy_.topics.get(target);
    if (const auto identity = proxy_.config.clients.match(topic))
        r.identity = std::string(*identity);
    return r;
}

refusal publisher::check(const routed& r, std::string_view topic) const {
    if (count_levels(topic) > levels_max)
        return {reason::topic_name_invalid, "the topic has too many levels"};
    switch (r.result) {
        case route_result::no_route:
            return {reason::not_authorized, "no route takes this topic"};
        case route_result::open_param:
        case route_result::invalid_topic:
            return {reason::topic_name_invalid, "the topic does not make a valid Kafka topic name"};
        case route_result::ok:
            break;
    }
    if (!r.topic) return {reason::quota_exceeded, "too many Kafka topics are in use"};
    proxy_.topics.want_access(*r.topic);
    const auto& link = proxy_.topics.want_producer(*r.topic);
    if (link.state() == topic_state::missing)
        return {reason::implementation_specific, link.trouble()};
    if (link.state() == topic_state::not_authorized)
        return {reason::not_authorized, link.trouble()};
    return {};
}

uint32_t publisher::cost_of(const incoming& in) {
    return in.size + in.meta->size + pending_overhead;
}

uint64_t publisher::track(const incoming& in, kafka_topic& topic) {
    const uint32_t cost = cost_of(in);
    used_ += cost;
    ++in.from.credit.outstanding;
    pending_publish p;
    p.from = &in.from;
    p.topic = &topic;
    p.use = topic_use(topic);
    p.reserved = in.reserved;
    p.cost = cost;
    p.packet_id = in.view->packet_id;
    p.qos = in.view->qos;
    p.will = in.will;
    return pending_.add(std::move(p));
}

publish_context publisher::context_of(const incoming& in, const routed& r) const {
    publish_context c{in.will ? std::string_view{} : in.from.client_id(), r.topic->name(),
                      r.identity, static_cast<int64_t>(proxy_.here.wall_ms()), in.size};
    if (in.number >= 0) c.qos2 = {in.from.epoch(), in.view->packet_id, in.number};
    return c;
}

void publisher::publish_plain(const incoming& in, const routed& r) {
    const uint64_t token = track(in, *r.topic);
    encode_publish(block_, in.view, context_of(in, r), record_kind::message);
    block_->token = token;
    r.topic->producer()->submit(token, block_.get(), in.payload, in.trace);
}

// Retained, or behind a retained publish to the same topic. Both records are made now: one
// timestamp, one order.
void publisher::publish_staged(const incoming& in, const routed& r, kafka_topic* retained) {
    const uint64_t token = track(in, *r.topic);
    const auto context = context_of(in, r);
    auto staged = std::make_unique<staged_publish>();
    staged->mqtt_topic = in.topic();
    staged->topic = r.topic;
    staged->retained_topic = retained;
    encode_publish(block_, in.view, context, record_kind::message);
    block_->token = token;
    staged->message = staged_record::make(proxy_.here, block_.get(), in.payload);
    if (retained) {
        encode_publish(block_, in.view, context, record_kind::retained_copy);
        block_->token = token;
        staged->copy = staged->message.with(block_.get());
    }
    pending_.find(token)->staged = std::move(staged);
    if (in.number >= 0 && in.from.durable() && !in.from.received().knows(r.topic->name()))
        return gate(in.from, *r.topic, token);
    start_or_hold(token);
}

void publisher::start_or_hold(uint64_t token) {
    pending_publish& p = *pending_.find(token);
    auto& extra = p.from->credit.extra;
    if (!extra) extra = std::make_unique<publish_extra>();
    if (const auto hold = extra->holds.find(p.staged->mqtt_topic); hold != extra->holds.end()) {
        hold->second.push_back(token);
        return;
    }
    if (!start(token)) extra->holds.try_emplace(p.staged->mqtt_topic);
}

// True when the message itself is on its way, so that others may follow; false when its retained
// copy goes first.
bool publisher::start(uint64_t token) {
    pending_publish& p = *pending_.find(token);
    if (p.staged->retained_topic) {
        p.topic = p.staged->retained_topic;
        p.topic->producer()->submit(token, std::move(p.staged->copy));
        return false;
    }
    const auto staged = std::move(p.staged);
    p.topic = staged->topic;
    p.topic->producer()->submit(token, std::move(staged->message));
    return true;
}

void publisher::release_hold(session& s, const std::string& mqtt_topic) {
    auto& holds = s.credit.extra->holds;
    const auto hold = holds.find(mqtt_topic);
    if (hold == holds.end()) return;
    while (!hold->second.empty()) {
        const uint64_t token = hold->second.front();
        hold->second.pop_front();
        if (!start(token)) return;
    }
    holds.erase(hold);
    drop_unused_extra(s);
}

void publisher::drop_unused_extra(session& s) {
    auto& extra = s.credit.extra;
    if (extra && extra->holds.empty() && extra->asked.empty() && !extra->partial) extra.reset();
}

void publisher::on_sent(uint64_t token) {
    if (auto* p = pending_.find(token)) p->sent = true;
}

void publisher::on_produced(uint64_t token, const produce_answer& answer) {
    pending_publish* p = pending_.find(token);
    if (!p) return;
    const refusal why = refusal_of_kafka_error(answer.error, p->topic->name(), answer.text);
    if (!why) note_acknowledged(*p, answer);
    if (!p->staged) return complete(token, why, answer);

    // The retained copy is answered: now the message, then what waits behind it.
    const auto staged = std::move(p->staged);
    session& s = *p->from;
    if (why) {
        ++s.credit.outstanding;  // keeps s while its hold is released
        complete(token, why);
        release_hold(s, staged->mqtt_topic);
        if (--s.credit.outstanding == 0 && !s.open()) proxy_.sweep_later(s);
        return;
    }
    p->sent = false;
    p->topic = staged->topic;
    p->topic->producer()->submit(token, std::move(staged->message));
    release_hold(s, staged->mqtt_topic);
}

void publisher::note_acknowledged(const pending_publish& p, const produce_answer& answer) {
    p.topic->acknowledged().add(answer.partition, answer.offset);
    if (p.staged) proxy_.acks.copies().add(p.topic->name(), answer.partition, answer.offset);
}

void publisher::on_produce_lost(kafka_topic& topic) {
    const auto lost = pending_.tokens_where(
        [&](const pending_publish& p) { return p.topic == &topic && p.sent; });
    // Whether Kafka has them is not known. An acknowledgement would be a lie, so the client is told
    // and may publish again.
    for (const uint64_t token : lost)
        on_produced(token, {-1, "the producer ended before Kafka answered"});
}

void publisher::on_topic_changed(kafka_topic& topic) {
    for (session* s : std::exchange(opening_, {})) open_topics(*s);
    produce_link* link = topic.producer();
    if (!link || link->state() != topic_state::missing) return;
    constexpr int32_t unknown_topic = 3;
    for (const uint64_t token : link->take_waiting()) on_produced(token, {unknown_topic, {}});
}

void publisher::complete(uint64_t token, const refusal& why, const produce_answer& answer) {
    pending_publish& p = *pending_.find(token);
    session& s = *p.from;
    if (p.qos == 2 && !p.will) finish_qos2(p, why, answer);
    if (p.qos > 0 && !p.will) s.send_ack(p.qos == 2 ? pubrec_type : puback_type, p.packet_id, why);
    if (why) report(why, p.topic);
    const bool will = p.will;
    used_ -= p.cost;
    const uint32_t reserved = p.reserved;
    pending_.remove(token);
    --s.credit.outstanding;
    give_back(s, reserved);
    feed_starving();
    if (will) s.on_will_published();
    if (s.credit.outstanding == 0 && !s.open()) {
        s.on_publishes_answered();
        s.on_settled();
    }
    proxy_.publish_answered();
}

void publisher::refuse(const incoming& in, const refusal& why) {
    if (in.view->qos > 0 && !in.will)
        in.from.send_ack(in.view->qos == 2 ? pubrec_type : puback_type, in.view->packet_id, why);
    report(why, nullptr);
    give_back(in.from, in.reserved);
    if (in.will) in.from.on_will_published();
}

void publisher::report(const refusal& why, const kafka_topic* topic) {
    proxy_.publishes_failed.add();
    // Told apart by what clients cannot choose.
    const auto subject =
        std::to_string(why.code) + (topic ? topic->event_subject() : std::string());
    proxy_.events.emit(WEFT_WARN, "binding.mqtt.kafka.publish.failed", subject,
                       "Publish refused: " + why.text);
}

void publisher::welcome(session& s) {
    s.credit.window = proxy_.config.limit.publish_window_min;
    grant(s);
}

void publisher::grant(session& s) {
    auto& c = s.credit;
    const auto& limit = proxy_.config.limit;
    // Under pressure windows shrink as they are used up: credit that was given stays given.
    if (used_ > limit.unacknowledged_bytes_max / 2) c.window = limit.publish_window_min;
    const uint64_t done = s.out().received() - c.unreleased;
    c.granted = std::max(c.granted, done + c.window);
    s.out().window(static_cast<uint32_t>(c.granted - done), c.unreleased, publish_padding);
}

void publisher::give_back(session& s, uint32_t bytes) {
    auto& c = s.credit;
    const auto& limit = proxy_.config.limit;
    const bool used_up = c.unreleased > c.window / 2;
    c.unreleased -= std::min(bytes, c.unreleased);
    if (!s.open() || bytes == 0) return;
    if (used_ > limit.unacknowledged_bytes_max) {
        if (!c.starving) starving_.push_back(&s);
        c.starving = true;
        return;
    }
    if (used_up && used_ < limit.unacknowledged_bytes_max / 2)
        c.window = std::min(c.window * 2, limit.publish_window_max);
    grant(s);
}

// In the order in which they came to wait, so that no client is left behind.
void publisher::feed_starving() {
    const uint64_t max = proxy_.config.limit.unacknowledged_bytes_max;
    if (starving_.empty() || used_ > max - max / 4) return;
    for (session* s : std::exchange(starving_, {})) {
        s->credit.starving = false;
        if (s->open()) grant(*s);
    }
}

bool publisher::forget(session& s) {
    drop_assembly(s);
    if (s.credit.starving) std::erase(starving_, &s);
    std::erase(opening_, &s);
    s.credit.starving = false;
    return s.credit.outstanding == 0;
}

}  // namespace weft::mqtt_kafka
