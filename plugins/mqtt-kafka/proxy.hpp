// The binding on one worker: its sessions, their subscriptions, and the shared streams to Kafka.
#pragma once

#include "config.hpp"
#include "event_gate.hpp"
#include "index/subscription_index.hpp"
#include "kafka/kafka_topics.hpp"
#include "session/acknowledged.hpp"
#include "session/copies_seen.hpp"
#include "session/delivery.hpp"
#include "session/history_slots.hpp"
#include "session/publisher.hpp"
#include "session/registry.hpp"
#include "session/session.hpp"
#include "session/session_store.hpp"
#include "share/shares.hpp"

#include <weft/plugin.hpp>
#include <weft/slab.hpp>

#include <map>

namespace weft::mqtt_kafka {

class proxy final : public instance, private topic_listener {
public:
    proxy(worker w, const settings& s, session_registry& r, acknowledged& a, share_hub& h);
    ~proxy() override;

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;

    // May a client be accepted?
    enum class admission_result : uint8_t { now, later, refused };
    admission_result admission(refusal& why);
    // What keeps clients waiting, for people.
    std::string missing() const;

    // Sessions that wait for Kafka: retried when a topic changes, given up after kafka_wait_ms.
    void wait(session& s);
    void stop_waiting(session& s);

    void gone(session& s);         // its stream is closed
    void sweep_later(session& s);  // it may be freed, once nothing of it is outstanding
    // At the end of the wake-up, or within a second, the session writes what has changed.
    void flush_later(session& s);
    void flush_lazily(session& s);
    // The Kafka topic of a stored session, null if the name is none.
    kafka_topic* topic_named(const std::string& name);
    void publish_answered() { finish_soon(); }
    // Of `slots` or `load_slots`; who is in line is served at the end of the wake-up.
    void release_slot(history_slots& of, slot_holder& holder);
    void shares_rest() { finish_soon(); }
    bool stops() const { return stopping_; }
    // No more members of groups here: the binding is replaced by one that may read other topics.
    bool refuses_shared() const { return shared_ended_; }
    kafka_topic* retained_topic(uint64_t exit);
    // May the session use the topic? If that is unknown, it hears: session::on_access.
    access_verdict access(session& s, kafka_topic& topic);

    const settings& config;
    const worker here;
    session_registry& registry;
    registry_home home;
    acknowledged& acks;
    event_gate events;
    kafka_topics topics;
    subscription_index index;
    publisher publish;
    history_slots slots, load_slots;
    session_store store;
    class shares shares;
    copies_seen copies;
    metric sessions, qos0_dropped, publishes_failed, deliveries_lost;
    // Scratch of deliveries, so that their memory is reused.
    delivery scratch;
    std::vector<uint32_t> ids;

private:
    struct waiter {
        session* who;
        uint64_t deadline_ns;
    };

    void on_sent(uint64_t token) override {
        if (!(token & session_store::token_bit)) publish.on_sent(token);
    }
    void on_produced(uint64_t token, const produce_answer& answer) override {
        if (token & session_store::token_bit)
            store.on_produced(token, answer);
        else
            publish.on_produced(token, answer);
    }
    void on_produce_lost(kafka_topic& topic) override {
        if (&topic == sessions_topic_)
            store.on_produce_lost();
        else
            publish.on_produce_lost(topic);
    }
    void on_live_record(kafka_topic& topic, const meta_view<weft_kafka_record>& record,
                        const weft_data& data) override;
    void on_tail_gap(kafka_topic& topic, const std::vector<partition_next>& before) override;
    void on_tail_back(kafka_topic& topic, const partition_next& to, bool anew) override;
    void on_topic_changed(kafka_topic& topic) override;
    void on_access(session& who) override;

    void open_topics();
    void report(const kafka_topic& topic);
    void tell_ready();
    void retry_waiting();
    void on_wait_over();
    void arm_wait();
    void serve_slots();
    void flush();
    void flush_lazy();
    void sweep();
    void take_news();
    void end_sessions();
    void end_shared();
    void finish_soon();
    void finish_drain();
    void destroy(session& s);
    void forget_access(session& s);

    kafka_topic* sessions_topic_ = nullptr;
    std::vector<kafka_topic*> configured_;  // what readiness looks at
    size_t live_ = 0;
    std::map<uint64_t, waiter> waiting_;  // by ticket, so by deadline
    uint64_t last_ticket_ = 0;
    uint64_t wait_timer_ = 0;
    std::string told_missing_{"?"};
    std::vector<session*> to_flush_, lazy_, to_sweep_;
    uint64_t lazy_timer_ = 0;
    size_t sessions_partitions_ = 0;  // when first seen
    bool serving_slots_ = false;
    uint64_t deadline_ns_ = UINT64_MAX, deadline_timer_ = 0;
    bool draining_ = false;  // replaced, removed, or the process ends
    bool stopping_ = false;  // the process ends
    bool shared_ended_ = false;
    bool finished_ = false;   // takes no session any more
    bool finishing_ = false;  // finish_drain comes at the end of this turn
    bool retrying_ = false;
    slab<session> all_;
};

}  // namespace weft::mqtt_kafka
