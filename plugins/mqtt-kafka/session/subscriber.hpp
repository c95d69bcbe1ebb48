// The way out to one client: its subscriptions, what is in flight to it, and how far behind it is.
// Made at its first SUBSCRIBE.
//
// A client that takes what comes is served from the tails. One that does not (no credit, or its
// in-flight window is full) leaves them: QoS 0 is dropped and counted, for QoS 1 it keeps a place
// per partition and reads on from history when it has room (catch_up).
#pragma once

#include "index/match_memo.hpp"
#include "mapping/reasons.hpp"
#include "session/beginnings.hpp"
#include "session/catch_up.hpp"
#include "session/outbox.hpp"
#include "session/replayed.hpp"
#include "session/state/records.hpp"
#include "share/shares.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weft::mqtt_kafka {

class kafka_topic;
class proxy;
class session;

// A SUBSCRIBE or UNSUBSCRIBE, answered in the order they came.
struct subscribe_request {
    struct filter {
        std::string text;
        uint8_t qos = 0, flags = 0, retain_handling = 0;
        uint8_t code = 0;
        bool decided = false;  // code is final
        bool resumes = false;  // of the stored session
        std::vector<topic_use> topics;
        size_t deciding = 0;  // so many of them take what is published to the filter's topics
    };
    bool unsubscribe = false;
    bool restore = false;  // of the stored session: nobody waits for an answer
    bool applied = false;  // answered when it is recorded
    uint16_t packet_id = 0;
    uint32_t id = 0;  // Subscription Identifier
    std::vector<filter> filters;
    std::string reason;  // of the first refusal
};

// The session as member of "$share/name/filter".
struct shared_subscription {
    std::string pattern;
    std::vector<topic_use> topics;
    uint32_t member = 0;  // its number here
    uint32_t share = 0;   // that of the shared subscription, once it has joined
    uint32_t id = 0;      // Subscription Identifier
    uint32_t turn = 0;    // how often room was told of
    uint8_t qos = 0, flags = 0;
    uint8_t stalled_qos = 0;  // of the message that found no room
    uint32_t stalled_size = 0;
    bool joined = false;
    bool denied = false;  // its topics are too many where the group is read for
    bool active = false;  // subscribed, not only asked for
    bool full = true;     // takes nothing until it tells of room
    bool over = false;    // unsubscribed; what is in flight is still to be acknowledged
};

class subscriber final : public subscription_owner {
public:
    subscriber(proxy& p, session& s, stream out, uint16_t inflight_max, uint32_t window_max);
    virtual ~subscriber();
    subscriber(const subscriber&) = delete;
    subscriber& operator=(const subscriber&) = delete;

    void on_subscribe(const meta_view<weft_mqtt_subscribe>& m);
    void on_unsubscribe(const meta_view<weft_mqtt_unsubscribe>& m);
    // Answers what can be answered. False when a request waits for Kafka.
    bool process();
    // Refuses the filters that the oldest request waits for.
    void give_up();

    // Subscribes to what the stored session was subscribed to, sends again what is in flight, and
    // goes on at its positions.
    void restore(const session_state& state, session_inflight inflight);
    bool restoring() const { return restored_ != nullptr; }
    // The values of the session's records.
    session_state state() const;
    session_inflight write_inflight();
    void on_inflight_written();

    void on_ack(uint8_t type, uint16_t packet_id, uint8_t reason);
    void on_window(uint32_t maximum);
    void on_live(kafka_topic& topic, const meta_view<weft_kafka_record>& record, const weft_data&,
                 delivery& d, const match_result& matches, const match_entry& entry) override;
    // The tail of the topic went on behind these places.
    void on_tail_gap(kafka_topic& topic, const std::vector<partition_next>& before);

    // As member of shared subscriptions.
    bool has_shared() const { return !shared_.empty(); }
    void on_joined(uint32_t member, uint32_t share);
    shares::taken on_shared(uint32_t member, uint32_t turn, delivery& d, uint32_t lane,
                            const weft_kafka_record& record, uint64_t cookie);
    void on_share_over(uint32_t member);

    // For catch_up.
    outbox& out() { return outbox_; }
    replayed_set& replayed() { return replayed_; }
    std::string_view client_id() const;
    std::vector<std::string> filters_reading(const kafka_topic& topic) const;
    bool reads(const kafka_topic& topic) const;
    bool may_see(const subscription& s, const delivery& d) const;
    // Does the subscription begin behind this record?
    bool too_early(const subscription& s, const kafka_topic& topic, int32_t partition,
                   int64_t offset) const;
    // It begins where the tail stands, although the client is still to get what is before that.
    void begin_at(const subscription& s, const kafka_topic& topic, int32_t partition, int64_t from);
    void begin_all_at(const kafka_topic& topic, int32_t partition, int64_t from);
    void drop_finished_catch_up();
    bool deliver(delivery& d, uint8_t qos, bool retain, const record_place& from);
    // What was in flight has been sent again: now the PUBRELs.
    void on_resent();
    // A record that was in flight is no longer in Kafka.
    void on_record_lost(uint16_t packet_id);

private:
    void begin_behind_acknowledged(const subscription& s);
    void decide(subscribe_request::filter& f, std::string& reason);
    refusal leave_out_kept(subscribe_request::filter& f, bool give_up, bool& waits);
    bool settled(subscribe_request::filter& f, bool give_up, std::string& reason);
    bool wants_retained(const subscribe_request::filter& f) const;
    void apply(subscribe_request& r);
    void finish_restore();
    void resume_positions();
    void subscribe(subscribe_request& r);
    void unsubscribe(subscribe_request& r);
    subscription& put(const subscribe_request& r, const subscribe_request::filter& f);
    void remove(subscription& s);
    void catch_up_on_new(std::vector<catch_up::replay_filter> replays,
                         const std::vector<subscription*>& fresh);
    catch_up& want_catch_up();
    void answer(const subscribe_request& r);

    shared_subscription* find_shared(std::string_view pattern) const;
    shared_subscription* shared_member(uint32_t member) const;
    bool joined(subscribe_request::filter& f, bool give_up, std::string& reason);
    void put_shared(const subscribe_request& r, subscribe_request::filter& f, std::string& reason);
    void remove_shared(shared_subscription& s);
    void forget_shared();
    void end_shared_flight(uint32_t member, uint64_t cookie, bool done);
    void leave_all_shared();
    void tell_room();

    proxy& proxy_;
    session& session_;
    outbox outbox_;
    subscription* first_ = nullptr;
    std::vector<std::unique_ptr<shared_subscription>> shared_;
    uint32_t count_ = 0;
    std::vector<std::unique_ptr<subscribe_request>> requests_;
    std::unique_ptr<catch_up> catch_up_;
    replayed_set replayed_;
    beginnings beginnings_;
    std::unique_ptr<session_inflight> restored_;  // until the subscriptions are live again
};

}  // namespace weft::mqtt_kafka
