// The Kafka topics that one worker uses, each with its shared streams.
#pragma once

#include "index/match_memo.hpp"
#include "kafka/meta_link.hpp"
#include "kafka/produce_link.hpp"
#include "kafka/tail_link.hpp"
#include "mapping/routes.hpp"

#include <memory>
#include <set>

namespace weft::mqtt_kafka {

class kafka_topic {
public:
    kafka_topic(uint32_t number, const route_target& target) : target_(target), number_(number) {}

    uint32_t number() const { return number_; }  // in topic_set
    uint64_t exit() const { return target_.exit; }
    const std::string& name() const { return target_.topic; }
    bool dynamic() const { return target_.dynamic; }

    // Null until asked for (kafka_topics::want_*).
    produce_link* producer() const { return producer_.get(); }
    tail_link* tail() const { return tail_.get(); }
    meta_link* meta() const { return meta_.get(); }

    match_memo memo;

private:
    friend class kafka_topics;
    route_target target_;
    uint32_t number_;
    std::unique_ptr<produce_link> producer_;
    std::unique_ptr<tail_link> tail_;
    std::unique_ptr<meta_link> meta_;
};

class kafka_topics {
public:
    kafka_topics(worker w, topic_listener& listener, uint32_t dynamic_max)
        : worker_(w), listener_(listener), dynamic_max_(dynamic_max) {}

    // The topic behind an exit, made when new. Null for a dynamic one beyond the limit.
    kafka_topic* get(const route_target& target);

    produce_link& want_producer(kafka_topic& t);
    tail_link& want_tail(kafka_topic& t);
    meta_link& want_meta(kafka_topic& t);

    // The one object for a set of topics.
    const topic_set* intern(const topic_set& s) { return &*sets_.insert(s).first; }

    // At the end: streams that are lost are not opened again; then all of them end.
    void stay_closed();
    void close_all();
    const std::vector<std::unique_ptr<kafka_topic>>& all() const { return topics_; }

private:
    worker worker_;
    topic_listener& listener_;
    std::vector<std::unique_ptr<kafka_topic>> topics_;  // by number
    std::set<topic_set> sets_;
    uint32_t dynamic_max_, dynamic_ = 0;
    bool closed_ = false;
};

}  // namespace weft::mqtt_kafka
