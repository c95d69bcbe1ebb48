// The Kafka topics that one worker uses, each with its shared streams.
#pragma once

#include "index/match_memo.hpp"
#include "kafka/access_link.hpp"
#include "kafka/meta_link.hpp"
#include "kafka/produce_link.hpp"
#include "kafka/tail_link.hpp"
#include "mapping/routes.hpp"
#include "session/acknowledged.hpp"

#include <memory>
#include <set>
#include <utility>

namespace weft::mqtt_kafka {

class kafka_topic {
public:
    kafka_topic(uint32_t number, const route_target& target, uint64_t& clock,
                shared_ref<acknowledged_offsets> acknowledged)
        : target_(target),
          number_(number),
          clock_(&clock),
          acknowledged_(std::move(acknowledged)) {}

    uint32_t number() const { return number_; }  // in topic_set
    uint64_t exit() const { return target_.exit; }
    const std::string& name() const { return target_.topic; }
    bool dynamic() const { return target_.dynamic; }
    // For event_gate: names that clients choose must not each have an event.
    std::string event_subject() const { return dynamic() ? std::string("${params}") : name(); }

    // Null until asked for (kafka_topics::want_*).
    produce_link* producer() const { return producer_.get(); }
    tail_link* tail() const { return tail_.get(); }
    meta_link* meta() const { return meta_.get(); }
    access_link* access() const { return access_.get(); }

    acknowledged_offsets& acknowledged() const { return *acknowledged_; }

    match_memo memo;

private:
    friend class kafka_topics;
    friend class topic_use;
    bool missing() const;
    bool closed() const;

    route_target target_;
    uint32_t number_;
    uint32_t users_ = 0;
    uint64_t last_use_ = 0;
    uint64_t* clock_;  // counts uses of all topics
    std::unique_ptr<produce_link> producer_;
    std::unique_ptr<tail_link> tail_;
    std::unique_ptr<meta_link> meta_;
    std::unique_ptr<access_link> access_;
    shared_ref<acknowledged_offsets> acknowledged_;
};

// Keeps a topic from being given up (kafka_topics::get). Everything that holds a topic across calls
// holds one of these, except for subscriptions, which are counted by their topic_set.
class topic_use {
public:
    topic_use() = default;
    explicit topic_use(kafka_topic& t) : topic_(&t) {
        ++t.users_;
        t.last_use_ = ++*t.clock_;
    }
    ~topic_use() {
        if (topic_) --topic_->users_;
    }
    topic_use(topic_use&& o) noexcept : topic_(std::exchange(o.topic_, nullptr)) {}
    topic_use& operator=(topic_use&& o) noexcept {
        std::swap(topic_, o.topic_);
        return *this;
    }
    topic_use(const topic_use&) = delete;
    topic_use& operator=(const topic_use&) = delete;

    kafka_topic* get() const { return topic_; }
    kafka_topic* operator->() const { return topic_; }
    kafka_topic& operator*() const { return *topic_; }

private:
    kafka_topic* topic_ = nullptr;
};

class kafka_topics {
public:
    kafka_topics(worker w, topic_listener& listener, acknowledged& acks, uint32_t dynamic_max)
        : worker_(w), listener_(listener), acks_(acks), dynamic_max_(dynamic_max) {}

    // The topic behind an exit, made when new. At the limit of dynamic ones a missing or the
    // longest unused is given up for it, if there is one that nobody uses; else null.
    kafka_topic* get(const route_target& target);

    produce_link& want_producer(kafka_topic& t);
    tail_link& want_tail(kafka_topic& t);
    meta_link& want_meta(kafka_topic& t);
    access_link& want_access(kafka_topic& t);
    // Is there a topic that not everybody may use?
    bool guarded() const;
    void forget(session& who);

    // Grows when a topic is given up: pointers that are not topic_use are void then.
    uint64_t generation() const { return generation_; }
    // A subscription to these topics begins or ends.
    void count(const topic_set& s, bool begins);

    // The one object for a set of topics.
    const topic_set* intern(const topic_set& s) { return &*sets_.insert(s).first; }

    // At the end: streams that are lost are not opened again; then all of them end.
    void stay_closed();
    void close_all();
    template <class F>
    void for_each(F&& f) const {
        for (const auto& t : topics_)
            if (t) f(*t);
    }

private:
    static void close(const kafka_topic& t);
    bool give_up_one();

    worker worker_;
    topic_listener& listener_;
    acknowledged& acks_;
    std::vector<std::unique_ptr<kafka_topic>> topics_;   // by number; null: free
    std::vector<std::unique_ptr<kafka_topic>> closing_;  // given up, their streams still end
    std::set<topic_set> sets_;
    uint32_t dynamic_max_, dynamic_ = 0;
    uint64_t generation_ = 0, uses_ = 0;
    bool closed_ = false;
};

}  // namespace weft::mqtt_kafka
