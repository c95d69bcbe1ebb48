// SUBSCRIBE and UNSUBSCRIBE: deciding each filter, waiting until its Kafka topics are live,
// answering in order.
#include "mapping/levels.hpp"
#include "proxy.hpp"
#include "session/subscriber.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {

constexpr uint8_t suback_type = 9, unsuback_type = 11;
constexpr uint8_t qos_granted_max = 2;

void refuse(subscribe_request::filter& f, const refusal& why, std::string& reason) {
    f.code = why.code;
    f.decided = true;
    if (reason.empty()) reason = why.text;
}

refusal check_syntax(std::string_view filter) {
    const auto named = [&](const char* text) {
        return "filter '" + std::string(filter) + "' " + text;
    };
    if (is_shared_filter(filter) && !split_shared(filter))
        return {reason::topic_filter_invalid, named("is not $share/name/filter")};
    if (!valid_topic_filter(filter)) return {reason::topic_filter_invalid, named("is not valid")};
    if (count_levels(filter) > levels_max)
        return {reason::topic_filter_invalid, "a filter has too many levels"};
    return {};
}

refusal refusal_of_route(route_result r, std::string_view filter) {
    const std::string name = "filter '" + std::string(filter) + "'";
    switch (r) {
        case route_result::ok:
            break;
        case route_result::no_route:
            return {reason::not_authorized, "no route takes " + name};
        case route_result::invalid_topic:
            return {reason::topic_filter_invalid, name + " does not make a valid Kafka topic name"};
        case route_result::open_param:
            return {reason::wildcards_not_supported,
                    name + " has a wildcard where a route takes its Kafka topic from"};
    }
    return {};
}

// What stands in the way of using a stream's topic: a refusal, or nothing yet (`waits`).
refusal look_at(const topic_stream& s, bool usable, bool give_up, bool& waits) {
    if (s.state() == topic_state::missing) return {reason::implementation_specific, s.trouble()};
    if (s.state() == topic_state::not_authorized) return {reason::not_authorized, s.trouble()};
    if (usable) return {};
    if (give_up) return {reason::implementation_specific, s.trouble()};
    waits = true;
    return {};
}

}  // namespace

void subscriber::on_subscribe(const meta_view<weft_mqtt_subscribe>& m) {
    auto r = std::make_unique<subscribe_request>();
    r->packet_id = m->packet_id;
    r->id = m->subscription_id;
    for (const auto& from : m.list<weft_mqtt_filter>(m->filters)) {
        subscribe_request::filter f;
        f.text = m.text(from.pattern);
        f.qos = std::min(from.qos, qos_granted_max);
        f.flags = from.flags & (subscription_no_local | subscription_retain_as_published);
        f.retain_handling = from.retain_handling;
        if (f.retain_handling == 0) f.flags |= subscription_send_retained;
        decide(f, r->reason);
        r->filters.push_back(std::move(f));
    }
    requests_.push_back(std::move(r));
}

void subscriber::on_unsubscribe(const meta_view<weft_mqtt_unsubscribe>& m) {
    auto r = std::make_unique<subscribe_request>();
    r->unsubscribe = true;
    r->packet_id = m->packet_id;
    for (const weft_ref& pattern : m.list<weft_ref>(m->patterns)) {
        subscribe_request::filter f;
        f.text = m.text(pattern);
        f.decided = true;
        r->filters.push_back(std::move(f));
    }
    requests_.push_back(std::move(r));
}

// What can be said of a filter without asking Kafka; else the topics it reads.
void subscriber::decide(subscribe_request::filter& f, std::string& reason) {
    if (const refusal why = check_syntax(f.text)) return refuse(f, why, reason);
    if (is_shared_filter(f.text) && proxy_.refuses_shared())
        return refuse(f,
                      {reason::implementation_specific,
                       "this part of the server is replaced: connect again to share"},
                      reason);
    // A shared subscription reads what its filter says (MQTT 5, 4.8.2).
    const std::string_view filter =
        is_shared_filter(f.text) ? split_shared(f.text).filter : std::string_view(f.text);
    std::vector<route_target> targets;
    if (const auto why = refusal_of_route(
            proxy_.config.table.match_subscribe(filter, targets, session_.rights(), &f.deciding),
            filter))
        return refuse(f, why, reason);
    for (const auto& target : targets) {
        kafka_topic* topic = proxy_.topics.get(target);
        if (!topic)
            return refuse(f, {reason::quota_exceeded, "too many Kafka topics are in use"}, reason);
        proxy_.topics.want_tail(*topic);
        proxy_.topics.want_access(*topic);
        f.topics.emplace_back(*topic);
    }
}

// Retain Handling (MQTT 5, 3.8.3.1): 0 always, 1 if the subscription is new, 2 never.
bool subscriber::wants_retained(const subscribe_request::filter& f) const {
    // Nothing that is retained is sent for a shared subscription (MQTT 5, 4.8.2).
    if (is_shared_filter(f.text)) return false;
    return f.retain_handling == 0 || (f.retain_handling == 1 && !proxy_.index.find(*this, f.text));
}

// Kafka topics that guarded routes keep from the client are left out. A filter is refused when no
// other takes what is published to it; and one that is shared already for one of them, since all
// who share it read the same.
refusal subscriber::leave_out_kept(subscribe_request::filter& f, bool give_up, bool& waits) {
    bool any = false;
    for (size_t i = 0; i < f.topics.size();) {
        const auto verdict = proxy_.access(session_, *f.topics[i]);
        waits |= verdict == access_verdict::unknown;
        if (verdict != access_verdict::denied) {
            ++i;
            continue;
        }
        any = true;
        f.topics.erase(f.topics.begin() + static_cast<std::ptrdiff_t>(i));
        if (i < f.deciding) --f.deciding;
    }
    if (any && (f.deciding == 0 || is_shared_filter(f.text)))
        return refusal_of_route(route_result::no_route, f.text);
    if (waits && give_up)
        return {reason::implementation_specific, "it is not known whether this client may"};
    return {};
}

bool subscriber::settled(subscribe_request::filter& f, bool give_up, std::string& reason) {
    if (f.decided) return true;
    bool waits = false;
    if (const refusal why = leave_out_kept(f, give_up, waits)) return refuse(f, why, reason), true;
    if (waits) return false;
    for (const auto& t : f.topics)
        if (const refusal why = look_at(*t->tail(), t->tail()->live(), give_up, waits))
            return refuse(f, why, reason), true;
    if (wants_retained(f)) {
        const auto& meta =
            proxy_.topics.want_meta(*proxy_.retained_topic(f.topics.front()->exit()));
        if (const refusal why = look_at(meta, meta.known(), give_up, waits))
            return refuse(f, why, reason), true;
    }
    if (!waits && is_shared_filter(f.text)) return joined(f, give_up, reason);
    return !waits;
}

bool subscriber::process() {
    while (!requests_.empty()) {
        subscribe_request& r = *requests_.front();
        if (!r.applied) {
            bool ready = true;
            for (auto& f : r.filters) ready = settled(f, false, r.reason) && ready;
            if (!ready) return false;
            apply(r);
        }
        // Of a session that outlives its connection what is answered is recorded.
        if (!r.restore && session_.durable() &&
            !(session_.settled(session_key::state) && session_.settled(session_key::inflight)))
            return true;
        if (!r.restore) answer(r);
        requests_.erase(requests_.begin());
        if (!catch_up_) continue;
        catch_up_->pump();
        drop_finished_catch_up();
    }
    return true;
}

void subscriber::give_up() {
    if (requests_.empty()) return;
    for (auto& f : requests_.front()->filters) settled(f, true, requests_.front()->reason);
}

void subscriber::apply(subscribe_request& r) {
    r.applied = true;
    if (r.unsubscribe)
        unsubscribe(r);
    else
        subscribe(r);
    if (r.restore) return finish_restore();
    session_.changed(session_key::inflight);
    session_.changed(session_key::state);
}

void subscriber::subscribe(subscribe_request& r) {
    std::vector<subscription*> fresh;
    std::vector<catch_up::replay_filter> replays;
    for (auto& f : r.filters) {
        if (f.code >= reason::unspecified) continue;
        if (is_shared_filter(f.text)) {
            put_shared(r, f, r.reason);
            continue;
        }
        const bool known = proxy_.index.find(*this, f.text) != nullptr;
        if (!known && count_ >= proxy_.config.limit.subscriptions_max) {
            refuse(f, {reason::quota_exceeded, "too many subscriptions"}, r.reason);
            continue;
        }
        const bool replay = wants_retained(f);
        f.code = f.qos;
        subscription& s = put(r, f);
        if (!known && !r.restore) {
            fresh.push_back(&s);
            begin_behind_acknowledged(s);
        }
        std::erase_if(replays, [&](const auto& x) { return x.to == &s; });
        if (replay) replays.push_back({&s, f.text});
    }
    // The live start is fixed: the tails' places now, or behind what is acknowledged.
    catch_up_on_new(std::move(replays), fresh);
}

void subscriber::catch_up_on_new(std::vector<catch_up::replay_filter> replays,
                                 const std::vector<subscription*>& fresh) {
    if (catch_up_)
        for (const subscription* s : fresh) catch_up_->subscribed_late(*s);
    if (!replays.empty()) {
        const auto is_read = [&](const kafka_topic& t) {
            return std::any_of(replays.begin(), replays.end(),
                               [&](const auto& r) { return r.to->topics->contains(t.number()); });
        };
        catch_up& c = want_catch_up();
        uint64_t exit = proxy_.config.exit;
        proxy_.topics.for_each([&](kafka_topic& t) {
            if (!t.tail() || !is_read(t)) return;
            c.hold(t, t.tail()->positions());
            exit = t.exit();
        });
        c.add_replay(*proxy_.retained_topic(exit), std::move(replays));
    }
}

void subscriber::unsubscribe(subscribe_request& r) {
    for (auto& f : r.filters) {
        if (is_shared_filter(f.text)) {
            shared_subscription* shared = find_shared(f.text);
            f.code = shared ? reason::success : reason::no_subscription_existed;
            if (shared) remove_shared(*shared);
            continue;
        }
        subscription* s = proxy_.index.find(*this, f.text);
        f.code = s ? reason::success : reason::no_subscription_existed;
        if (s) remove(*s);
    }
}

void subscriber::answer(const subscribe_request& r) {
    meta_writer<weft_mqtt_suback> m;
    m->packet_id = r.packet_id;
    m->type = r.unsubscribe ? unsuback_type : suback_type;
    std::string reasons;
    for (const auto& f : r.filters) reasons.push_back(static_cast<char>(f.code));
    m->reasons = m.text(reasons);
    if (!r.reason.empty()) m->reason_string = m.text(r.reason);
    session_.out().flush(m.get());
}

}  // namespace weft::mqtt_kafka
