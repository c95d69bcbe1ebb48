// The way in: publishes of all sessions of a worker, routed to Kafka topics, acknowledged when
// Kafka has them.
//
// Credit is the back-pressure. A session has a window; what it sends counts until it is answered,
// and while the worker holds more than unacknowledged_bytes_max no session gets more: mqtt stops
// reading from the clients, none is disconnected.
#pragma once

#include "config.hpp"
#include "kafka/kafka_topics.hpp"
#include "mapping/publish_encoder.hpp"
#include "mapping/reasons.hpp"
#include "session/pending_table.hpp"
#include "session/state/records.hpp"

#include <deque>
#include <unordered_map>

namespace weft::mqtt_kafka {

class proxy;

// A large publish whose payload is still coming.
struct assembly {
    std::vector<uint64_t> block;  // its mqtt.publish
    std::vector<chunk> payload;
    uint64_t size = 0, total = 0;
    uint32_t reserved = 0;   // credit not given back yet
    bool admitted = false;   // counted against assembly_bytes_max
    bool discarded = false;  // too large: read on, then refused

    const weft_meta* meta() const { return reinterpret_cast<const weft_meta*>(block.data()); }
};

// What a session needs beyond plain publishes; made when needed.
struct publish_extra {
    std::unique_ptr<assembly> partial;
    // By MQTT topic, while a retained publish is on its way to the retained topic: later publishes
    // to the topic, in order. They may not overtake the message that is written after its retained
    // copy.
    std::unordered_map<std::string, std::deque<uint64_t>> holds;
    // While it is not known whether the client may use a guarded Kafka topic: the first publish to
    // it, and what came after that, in order.
    struct asking {
        staged_record publish;  // its mqtt.publish
        uint32_t reserved, cost;
        uint64_t trace;
        topic_use topic;  // that is asked for; of the ones behind it as well
    };
    std::vector<asking> asked;
};

// A session's part of the accounting.
struct publish_credit {
    uint64_t granted = 0;  // so far its client may send
    std::unique_ptr<publish_extra> extra;
    uint32_t window = 0;
    uint32_t unreleased = 0;        // bytes received and not given back
    uint32_t outstanding : 31 = 0;  // publishes not answered
    bool starving : 1 = false;      // waits for the worker's limit
};

class publisher {
public:
    explicit publisher(proxy& p);

    // First credit, when the session is accepted.
    void welcome(session& s);
    void on_data(session& s, const weft_data& d);
    // The session's stream is gone. What it has published goes on; true when nothing refers to the
    // session any more.
    bool forget(session& s);
    // The will of a session, as any other publish; the session hears when it is written.
    void publish_will(session& s, const will_message& will);

    // It is known whether the session may use a topic.
    void on_access(session& s);

    // QoS 2 (qos2_in).
    void on_pubrel(session& s, uint16_t packet_id);
    void on_offsets_written(session& s);
    // The session is over: what waits for its records is not published.
    void drop_gated(session& s);

    void on_sent(uint64_t token);
    void on_produced(uint64_t token, const produce_answer& answer);
    void on_produce_lost(kafka_topic& topic);
    void on_topic_changed(kafka_topic& topic);

    bool idle() const { return pending_.size() == 0 && asking_ == 0; }
    uint64_t held_bytes() const { return used_; }

private:
    struct routed {
        route_result result = route_result::no_route;
        kafka_topic* topic = nullptr;
        std::optional<std::string> identity;
    };
    // A whole publish, as it came or assembled.
    struct incoming {
        session& from;
        const weft_meta* meta;
        const meta_view<weft_mqtt_publish>& view;
        std::span<const weft_slice> payload;
        uint32_t size;
        uint32_t reserved;
        uint64_t trace;
        bool will = false;
        bool resumed = false;  // it has waited in publish_extra::asked
        int64_t number = -1;   // of a QoS 2 publish

        std::string_view topic() const { return view.text(view->topic); }
        bool retain() const { return view->flags & WEFT_MQTT_RETAIN; }
    };

    const routed& route(std::string_view topic, route_rights rights);
    refusal check(const routed& r, std::string_view topic) const;
    void publish(const incoming& in);
    bool admitted(const incoming& in, kafka_topic& topic);
    void hold(const incoming& in, kafka_topic* topic);
    void drop_asking_qos2(session& s);
    void send_on(const incoming& in, const routed& r, kafka_topic* retained);
    void finish_qos2(const pending_publish& p, const refusal& why, const produce_answer& answer);
    void publish_plain(const incoming& in, const routed& r);
    void publish_staged(const incoming& in, const routed& r, kafka_topic* retained);
    static uint32_t cost_of(const incoming& in);
    uint64_t track(const incoming& in, kafka_topic& topic);
    void refuse(const incoming& in, const refusal& why);
    void report(const refusal& why, const kafka_topic* topic);

    void start_or_hold(uint64_t token);
    bool start(uint64_t token);
    void release_hold(session& s, const std::string& mqtt_topic);
    static void drop_unused_extra(session& s);
    bool begin_qos2(const incoming& in);
    void gate(session& s, kafka_topic& topic, uint64_t token);
    void open_topics(session& s);
    publish_context context_of(const incoming& in, const routed& r) const;
    void note_acknowledged(const pending_publish& p, const produce_answer& answer);
    void complete(uint64_t token, const refusal& why, const produce_answer& answer = {});

    void on_part(session& s, const weft_data& d);
    void begin_assembly(session& s, const weft_data& d);
    void finish_assembly(session& s, const weft_data& d);
    void drop_assembly(session& s);
    bool try_admit(assembly& a);
    void admit_waiting();

    void give_back(session& s, uint32_t bytes);
    void grant(session& s);
    void feed_starving();

    proxy& proxy_;
    pending_table pending_;
    meta_writer<weft_kafka_produce> block_;
    std::unordered_map<std::string, routed> routes_;  // remembered
    uint64_t generation_ = 0;                         // of the topics they lead to
    std::string key_, memo_key_;                      // scratch for lookups
    std::deque<session*> starving_;
    std::deque<session*> assembly_waiting_;
    std::vector<session*> opening_;  // wait until the tail of a topic is live
    uint64_t used_ = 0;
    uint64_t assembling_ = 0;
    uint64_t asking_ = 0;  // publishes in publish_extra::asked
};

}  // namespace weft::mqtt_kafka
