// A session as member of shared subscriptions: joining, what is handed to it, what goes back.
#include "proxy.hpp"
#include "session/session.hpp"
#include "session/subscriber.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

shared_subscription* subscriber::find_shared(std::string_view pattern) const {
    for (const auto& s : shared_)
        if (!s->over && s->pattern == pattern) return s.get();
    return nullptr;
}

shared_subscription* subscriber::shared_member(uint32_t member) const {
    for (const auto& s : shared_)
        if (s->member == member) return s.get();
    return nullptr;
}

// Asks once; the SUBACK waits until the group has a place that outlives a crash.
bool subscriber::joined(subscribe_request::filter& f, bool give_up, std::string& reason) {
    shared_subscription* s = find_shared(f.text);
    if (!s) {
        s = shared_.emplace_back(std::make_unique<shared_subscription>()).get();
        s->pattern = f.text;
        for (const auto& t : f.topics) s->topics.emplace_back(*t);
        s->member = proxy_.shares.ask(*this, split_shared(f.text), s->topics, f.resumes);
    }
    if (s->joined) return true;
    if (!s->denied && !give_up) return false;
    f.code = s->denied ? reason::quota_exceeded : reason::implementation_specific;
    f.decided = true;
    if (reason.empty())
        reason = s->denied ? "too many Kafka topics are in use"
                           : "the place of the group is not known, or not written, in Kafka";
    remove_shared(*s);
    return true;
}

void subscriber::on_joined(uint32_t member, uint32_t share) {
    shared_subscription* s = shared_member(member);
    if (!s || s->over) return;
    s->joined = true;
    s->share = share;
    session_.retry();
}

void subscriber::put_shared(const subscribe_request& r, subscribe_request::filter& f,
                            std::string& reason) {
    shared_subscription* s = find_shared(f.text);
    if (!s) {  // named twice, and removed for want of a place
        f.code = reason::implementation_specific;
        return;
    }
    if (!s->active && count_ >= proxy_.config.limit.subscriptions_max) {
        remove_shared(*s);
        f.code = reason::quota_exceeded;
        if (reason.empty()) reason = "too many subscriptions";
        return;
    }
    f.code = f.qos;
    s->id = r.id;
    s->qos = f.qos;
    s->flags = f.flags;
    if (!s->active) ++count_;
    s->active = true;
    tell_room();
}

// What has been sent is completed with this client (MQTT 5, 3.10.4), nothing more comes.
void subscriber::remove_shared(shared_subscription& s) {
    proxy_.shares.leave(s.member, s.share, split_shared(s.pattern).name);
    if (s.active) --count_;
    s.active = false;
    s.over = true;
    forget_shared();
}

// Those that are over stay until nothing of them is in flight.
void subscriber::forget_shared() {
    std::erase_if(shared_, [&](const auto& s) {
        return s->over &&
               !outbox_.flights().any([&](const flight& f) { return f.share == s->member; });
    });
}

shares::taken subscriber::on_shared(uint32_t member, uint32_t turn, delivery& d, uint32_t lane,
                                    const weft_kafka_record& record, uint64_t cookie) {
    shared_subscription* s = shared_member(member);
    // What was on its way when it refused something else would overtake that.
    if (!s || !s->active || s->full || turn != s->turn || lane >= s->topics.size())
        return shares::taken::no;
    const uint8_t qos = std::min(s->qos, d.record.qos);
    proxy_.ids.clear();
    if (s->id) proxy_.ids.push_back(s->id);
    const bool retain = d.record.retain && (s->flags & subscription_retain_as_published);
    const record_place from{s->topics[lane].get(), record.partition, record.offset, member, cookie};
    if (deliver(d, qos, retain, from)) return qos > 0 ? shares::taken::yes : shares::taken::done;
    s->full = true;
    s->stalled_qos = qos;
    s->stalled_size = d.size;
    return shares::taken::no;
}

void subscriber::on_share_over(uint32_t member) {
    shared_subscription* s = shared_member(member);
    if (!s || s->over) return;
    if (s->joined)
        return session_.end_client({reason::quota_exceeded, "too many Kafka topics are in use"});
    s->denied = true;
    session_.retry();
}

void subscriber::tell_room() {
    for (const auto& s : shared_) {
        if (!s->active || !s->full || !outbox_.has_room(s->stalled_size, s->stalled_qos)) continue;
        s->full = false;
        s->stalled_size = s->stalled_qos = 0;
        proxy_.shares.tell_room(s->member, s->share, ++s->turn);
    }
}

void subscriber::end_shared_flight(uint32_t member, uint64_t cookie, bool done) {
    shared_subscription* s = shared_member(member);
    if (!s) return;
    proxy_.shares.give_back(s->member, s->share, cookie, done);
    if (s->over) forget_shared();
}

// The connection ends: QoS 1 that is not acknowledged goes to another member. QoS 2 is this
// session's, whether it goes on or not (MQTT 5, 4.8.2).
void subscriber::leave_all_shared() {
    for (const auto& s : shared_)
        if (!s->over) proxy_.shares.leave(s->member, s->share, split_shared(s->pattern).name);
    outbox_.flights().each([&](const flight& f) {
        if (f.share == 0) return;
        if (const shared_subscription* s = shared_member(f.share))
            proxy_.shares.give_back(s->member, s->share, f.cookie, f.qos == 2);
    });
}

}  // namespace weft::mqtt_kafka
