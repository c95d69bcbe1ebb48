#include "proxy.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace weft::mqtt_kafka {

namespace {

// The session is known everywhere by now, so its stream is ended and not refused: with a refusal
// the stream's handle would be void and still in use.
void start(session& made) {
    try {
        made.start();
    } catch (const std::bad_alloc&) {
        made.end_client({reason::quota_exceeded, "the worker has no memory for this session"});
    }
}

}  // namespace

proxy::proxy(worker w, const settings& s, session_registry& r, acknowledged& a, share_hub& h)
    : config(s),
      here(w),
      registry(r),
      acks(a),
      events(w),
      topics(w, *this, a, s.limit.dynamic_topics_max),
      publish(*this),
      slots(s.limit.history_streams_max),
      load_slots(s.limit.session_loads_max),
      store(*this),
      shares(*this, h),
      sessions(w.gauge("mqtt.kafka.sessions")),
      qos0_dropped(w.counter("mqtt.kafka.qos0.dropped")),
      publishes_failed(w.counter("mqtt.kafka.publishes.failed")),
      deliveries_lost(w.counter("mqtt.kafka.deliveries.lost")) {
    home = {w.handle(), call<&proxy::take_news>, this, nullptr};
    open_topics();
    tell_ready();
}

proxy::~proxy() {
    if (wait_timer_) here.cancel(wait_timer_);
    if (deadline_timer_) here.cancel(deadline_timer_);
    if (lazy_timer_) here.cancel(lazy_timer_);
    shares.close();
}

// The streams that every configuration needs; those of ${params} topics are opened when a client
// names them.
void proxy::open_topics() {
    const auto use = [&](uint64_t exit, const std::string& name) {
        kafka_topic* t = topics.get({exit, name, false});
        if (std::find(configured_.begin(), configured_.end(), t) == configured_.end())
            configured_.push_back(t);
        return t;
    };
    sessions_topic_ = use(config.exit, config.sessions_topic);
    topics.want_meta(*sessions_topic_);
    topics.want_tail(*sessions_topic_);
    topics.want_producer(*sessions_topic_);
    store.use(*sessions_topic_);
    for (const route& r : config.table.all()) {
        const bool publishes = r.unconditional || !r.publish.empty(),
                   subscribes = r.unconditional || !r.subscribe.empty();
        kafka_topic* retained = use(r.exit, config.retained_topic);
        if (publishes) topics.want_producer(*retained);
        if (subscribes) topics.want_meta(*retained);
        const auto name = r.messages.expand({});
        if (!name) continue;
        kafka_topic* messages = use(r.exit, *name);
        topics.want_access(*messages);
        if (publishes) topics.want_producer(*messages);
        if (subscribes) topics.want_tail(*messages);
    }
}

kafka_topic* proxy::retained_topic(uint64_t exit) {
    return topics.get({exit, config.retained_topic, false});
}

access_verdict proxy::access(session& s, kafka_topic& topic) {
    access_link& link = topics.want_access(topic);
    if (!link.guarded()) return access_verdict::allowed;
    s.asked = true;
    return link.of(s, s.auth());
}

endpoint* proxy::accept(stream s, const weft_begin& b) {
    const meta_view<weft_mqtt_begin> begin(b.h.meta);
    if (!begin || stopping_ || finished_) return nullptr;
    auto* made = all_.make(*this, s, begin, b.h.auth);
    ++live_;
    sessions.set(live_);
    if (begin.text(begin->client_id).empty() || is_reserved_client_id(made->client_id()))
        made->end_client({reason::client_id_invalid, "the client id ends in a reserved suffix"});
    else if (!config.table.admits(made->rights()))
        made->end_client({reason::not_authorized, "no route takes this client"});
    else
        start(*made);
    return made;
}

proxy::admission_result proxy::admission(refusal& why) {
    const meta_link& meta = *sessions_topic_->meta();
    if (meta.state() != topic_state::ok || !meta.known() || !store.live())
        return admission_result::later;
    // Claims of one client would sit in two partitions, so none would be the highest.
    if (sessions_partitions_ == 0) sessions_partitions_ = meta.partitions().size();
    if (meta.partitions().size() != sessions_partitions_) {
        why = {reason::server_unavailable, "The sessions topic (" + config.sessions_topic +
                                               ") has got another number of partitions."};
        events.emit(WEFT_ERROR, "binding.mqtt.kafka.sessions.topic.partitions",
                    config.sessions_topic,
                    why.text + " Sessions must be moved to a new topic; nobody is accepted.");
        return admission_result::refused;
    }
    // 0 is a cluster that does not say (no right to describe configurations): then it is the
    // operator's word.
    if (meta.cleanup() == 0 || (meta.cleanup() & WEFT_KAFKA_COMPACTED))
        return admission_result::now;
    why = {reason::implementation_specific,
           "The sessions topic (" + config.sessions_topic + ") is not log compacted."};
    events.emit(WEFT_ERROR, "binding.mqtt.kafka.non.compact.sessions.topic", config.sessions_topic,
                why.text + " Set cleanup.policy of the topic to compact.");
    return admission_result::refused;
}

std::string proxy::missing() const {
    const meta_link& meta = *sessions_topic_->meta();
    return meta.state() == topic_state::ok ? std::string("Kafka is not ready") : meta.trouble();
}

void proxy::on_live_record(kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                           const weft_data& data) {
    if (&topic == sessions_topic_) return store.on_record(record, data);
    const match_result& matches =
        topic.memo.lookup(index, record.text(record->key), topic.number());
    if (matches.entries.empty() || !scratch.prepare(record, data, matches.ids_max, here.wall_ms()))
        return;
    if (scratch.record.qos2 && copies.second_live(topic.number(), scratch.record, *record)) return;
    for (const match_entry& e : matches.entries)
        e.owner->on_live(topic, record, data, scratch, matches, e);
}

void proxy::on_tail_gap(kafka_topic& topic, const std::vector<partition_next>& before) {
    if (&topic == sessions_topic_) return store.on_tail_gap(before);
    all_.for_each([&](session& s) {
        if (s.subscriptions() && s.subscriptions()->reads(topic))
            s.subscriptions()->on_tail_gap(topic, before);
    });
    shares.on_tail_gap(topic, before);
}

void proxy::on_tail_back(kafka_topic& topic, const partition_next& to, bool anew) {
    if (&topic == sessions_topic_) return;
    if (anew) topic.acknowledged().restart(to.partition, to.next);
    shares.on_tail_back(topic, to, anew);
}

void proxy::on_topic_changed(kafka_topic& topic) {
    report(topic);
    publish.on_topic_changed(topic);
    // One worker looks after what earlier processes left.
    if (&topic == sessions_topic_ && here.index() == 0 && !draining_ && store.live())
        store.left.start();
    shares.on_topic_changed();
    retry_waiting();
    tell_ready();
}

void proxy::on_access(session& who) {
    who.on_access();
}

void proxy::report(const kafka_topic& topic) {
    for (const topic_stream* s : {static_cast<const topic_stream*>(topic.producer()),
                                  static_cast<const topic_stream*>(topic.tail()),
                                  static_cast<const topic_stream*>(topic.meta())}) {
        if (s && s->state() == topic_state::missing)
            events.emit(WEFT_ERROR, "binding.mqtt.kafka.topic.missing", topic.event_subject(),
                        s->trouble() + ".");
    }
}

// Ready once every configured topic can be used.
void proxy::tell_ready() {
    if (draining_) return;  // what the process waits for is the next generation's to say
    std::string what;
    for (const kafka_topic* t : configured_) {
        const auto look = [&](const topic_stream* s, bool usable) {
            if (!s || (s->state() == topic_state::ok && usable) || !what.empty()) return;
            what = s->state() == topic_state::unknown ? "Kafka topic '" + t->name() + "'"
                                                      : s->trouble();
        };
        look(t->meta(), t->meta() && t->meta()->known());
        look(t->tail(), t->tail() && t->tail()->live());
    }
    if (what == told_missing_) return;
    told_missing_ = what;
    here.ready(what.empty(), what);
}

void proxy::wait(session& s) {
    if (s.ticket) return;
    s.ticket = ++last_ticket_;
    waiting_[s.ticket] = {&s, here.now_ns() + uint64_t{config.limit.kafka_wait_ms} * 1'000'000};
    arm_wait();
}

void proxy::stop_waiting(session& s) {
    if (s.ticket) waiting_.erase(std::exchange(s.ticket, 0));
    if (!waiting_.empty() || !wait_timer_) return;
    here.cancel(wait_timer_);
    wait_timer_ = 0;
}

void proxy::arm_wait() {
    if (wait_timer_ || waiting_.empty()) return;
    wait_timer_ =
        here.timer_at(waiting_.begin()->second.deadline_ns, call<&proxy::on_wait_over>, this);
}

void proxy::on_wait_over() {
    wait_timer_ = 0;
    while (!waiting_.empty() && waiting_.begin()->second.deadline_ns <= here.now_ns()) {
        session& s = *waiting_.begin()->second.who;
        stop_waiting(s);
        s.give_up();
    }
    arm_wait();
}

// Those that still have to wait keep their tickets, so the list is walked by ticket.
void proxy::retry_waiting() {
    if (std::exchange(retrying_, true)) return;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        const uint64_t ticket = at->first;
        at->second.who->retry();
        at = waiting_.upper_bound(ticket);
    }
    retrying_ = false;
}

void proxy::release_slot(history_slots& of, slot_holder& holder) {
    of.release(holder);
    if (!std::exchange(serving_slots_, true)) here.defer(call<&proxy::serve_slots>, this);
}

void proxy::serve_slots() {
    serving_slots_ = false;
    slots.serve();
    load_slots.serve();
}

void proxy::take_news() {
    for (;;) {
        const auto news = registry.take_due(home);
        if (!news.who) return;
        static_cast<session*>(news.who)->on_registry(news.first, news.superseded);
    }
}

void proxy::gone(session& s) {
    --live_;
    sessions.set(live_);
    publish.forget(s);
    // Else it still has publishes that wait for an answer.
    if (s.credit.outstanding == 0) forget_access(s);
    sweep_later(s);
    finish_soon();
}

void proxy::forget_access(session& s) {
    if (s.asked) topics.forget(s);
    s.asked = false;
}

void proxy::sweep_later(session& s) {
    if (s.sweep_listed) return;
    s.sweep_listed = true;
    to_sweep_.push_back(&s);
    if (to_sweep_.size() == 1) here.defer(call<&proxy::sweep>, this);
}

void proxy::sweep() {
    for (session* s : std::exchange(to_sweep_, {})) {
        s->sweep_listed = false;
        if (!s->open() && !s->out() && !s->lingers() && s->credit.outstanding == 0) destroy(*s);
    }
    finish_soon();
}

void proxy::flush_later(session& s) {
    if (s.flush_listed) return;
    s.flush_listed = true;
    to_flush_.push_back(&s);
    if (to_flush_.size() == 1) here.defer(call<&proxy::flush>, this);
}

void proxy::flush() {
    for (session* s : std::exchange(to_flush_, {})) {
        s->flush_listed = false;
        s->flush_records();
    }
}

void proxy::flush_lazily(session& s) {
    if (s.lazy_listed) return;
    s.lazy_listed = true;
    lazy_.push_back(&s);
    if (!lazy_timer_)
        lazy_timer_ = here.timer_in_ms(lazy_record_ms, call<&proxy::flush_lazy>, this);
}

void proxy::flush_lazy() {
    lazy_timer_ = 0;
    for (session* s : std::exchange(lazy_, {})) {
        s->lazy_listed = false;
        s->changed(session_key::inflight);
    }
}

kafka_topic* proxy::topic_named(const std::string& name) {
    kafka_topic* found = nullptr;
    topics.for_each([&](kafka_topic& t) {
        if (t.name() == name) found = &t;
    });
    if (found || !valid_kafka_topic(name)) return found;
    return topics.get({config.exit, name, name != config.retained_topic});
}

void proxy::destroy(session& s) {
    if (s.flush_listed) std::erase(to_flush_, &s);
    if (s.lazy_listed) std::erase(lazy_, &s);
    if (s.sweep_listed) std::erase(to_sweep_, &s);
    forget_access(s);
    all_.destroy(&s);
}

// Sessions stay in the generation that accepted them, and keep their streams to Kafka with them.
// When the process ends, the server says goodbye; else the clients leave by themselves, or at the
// deadline.
void proxy::drain(uint32_t why, uint64_t deadline_ns) {
    if (!draining_ && why != WEFT_DRAIN_STOP) here.ready(true);
    draining_ = true;
    if (why == WEFT_DRAIN_REPLACE && !shares.move_away()) end_shared();
    if (why == WEFT_DRAIN_STOP) {
        stopping_ = true;
        shares.stay();
        topics.stay_closed();
    } else if (deadline_ns < deadline_ns_ && !finished_) {
        deadline_ns_ = deadline_ns;
        if (deadline_timer_) here.cancel(deadline_timer_);
        deadline_timer_ = here.timer_at(deadline_ns, call<&proxy::end_sessions>, this);
    }
    finish_soon();
}

void proxy::end_sessions() {
    deadline_timer_ = 0;
    finished_ = true;
    all_.for_each([](session& s) {
        s.end_client(
            {reason::server_shutting_down, "this part of the server is replaced: connect again"});
    });
}

// Groups go to the next generation and their members stay, unless that generation may read other
// topics for them: then members would be in two groups, each of which delivers everything. So they
// are told to connect again, and do so to the new one.
void proxy::end_shared() {
    shared_ended_ = true;
    all_.for_each([](session& s) {
        if (s.open() && s.subscriptions() && s.subscriptions()->has_shared())
            s.end_client({reason::server_shutting_down,
                          "shared subscriptions move to a new part of the server: connect again"});
    });
}

// At the end of the turn: a stream that was on its way when the exits were switched may be in the
// inbox.
void proxy::finish_soon() {
    if (draining_ && !std::exchange(finishing_, true)) here.defer(call<&proxy::finish_drain>, this);
}

// The shared streams serve the sessions that are left, and the publishes of those that are not;
// after the last they end.
void proxy::finish_drain() {
    finishing_ = false;
    if (live_ != 0 || !publish.idle() || !store.idle() || !shares.idle()) return;
    finished_ = true;
    topics.close_all();
}

}  // namespace weft::mqtt_kafka
