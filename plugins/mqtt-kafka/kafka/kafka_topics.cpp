#include "kafka/kafka_topics.hpp"

namespace weft::mqtt_kafka {

kafka_topic* kafka_topics::get(const route_target& target) {
    for (const auto& t : topics_)
        if (t->exit() == target.exit && t->name() == target.topic) return t.get();
    if (target.dynamic && dynamic_ >= dynamic_max_) return nullptr;
    dynamic_ += target.dynamic;
    topics_.push_back(std::make_unique<kafka_topic>(static_cast<uint32_t>(topics_.size()), target));
    return topics_.back().get();
}

produce_link& kafka_topics::want_producer(kafka_topic& t) {
    if (!t.producer_) {
        t.producer_ = std::make_unique<produce_link>(worker_, t.exit(), t, listener_);
        if (!closed_) t.producer_->open();
    }
    return *t.producer_;
}

tail_link& kafka_topics::want_tail(kafka_topic& t) {
    if (!t.tail_) {
        t.tail_ = std::make_unique<tail_link>(worker_, t.exit(), t, listener_);
        if (!closed_) t.tail_->open();
    }
    return *t.tail_;
}

meta_link& kafka_topics::want_meta(kafka_topic& t) {
    if (!t.meta_) {
        t.meta_ = std::make_unique<meta_link>(worker_, t.exit(), t, listener_);
        if (!closed_) t.meta_->open();
    }
    return *t.meta_;
}

void kafka_topics::stay_closed() {
    closed_ = true;
    for (const auto& t : topics_)
        for (topic_stream* s :
             {static_cast<topic_stream*>(t->producer()), static_cast<topic_stream*>(t->tail()),
              static_cast<topic_stream*>(t->meta())})
            if (s) s->stay_closed();
}

void kafka_topics::close_all() {
    closed_ = true;
    for (const auto& t : topics_) {
        if (t->producer_) t->producer_->close();
        if (t->tail_) t->tail_->close();
        if (t->meta_) t->meta_->close();
    }
}

}  // namespace weft::mqtt_kafka
