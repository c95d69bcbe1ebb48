#include "kafka/kafka_topics.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

namespace {

template <class Topic, class F>
bool any_stream(const Topic& t, F&& f) {
    return (t.producer() && f(*t.producer())) || (t.tail() && f(*t.tail())) ||
           (t.meta() && f(*t.meta())) || (t.access() && f(*t.access()));
}

}  // namespace

bool kafka_topic::missing() const {
    return any_stream(*this,
                      [](const topic_stream& s) { return s.state() == topic_state::missing; });
}

bool kafka_topic::closed() const {
    return !any_stream(*this, [](const topic_stream& s) { return !s.closed(); }) &&
           (!access_ || access_->quiet());
}

kafka_topic* kafka_topics::get(const route_target& target) {
    uint32_t free = static_cast<uint32_t>(topics_.size());
    for (uint32_t i = 0; i < topics_.size(); ++i) {
        if (!topics_[i])
            free = i;
        else if (topics_[i]->exit() == target.exit && topics_[i]->name() == target.topic)
            return topics_[i].get();
    }
    if (target.dynamic && dynamic_ >= dynamic_max_ && !give_up_one()) return nullptr;
    dynamic_ += target.dynamic;
    if (free == topics_.size()) topics_.emplace_back();
    topics_[free] = std::make_unique<kafka_topic>(free, target, uses_, acks_.of(target.topic));
    return topics_[free].get();
}

void kafka_topics::close(const kafka_topic& t) {
    any_stream(t, [](topic_stream& s) {
        s.close();
        return false;
    });
    if (t.access()) t.access()->stop();
}

bool kafka_topics::give_up_one() {
    std::erase_if(closing_, [](const auto& t) { return t->closed(); });
    const auto worth = [](const kafka_topic& t) { return std::pair(!t.missing(), t.last_use_); };
    std::unique_ptr<kafka_topic>* least = nullptr;
    for (auto& t : topics_) {
        if (!t || !t->dynamic() || t->users_ > 0) continue;
        if (!least || worth(*t) < worth(**least)) least = &t;
    }
    if (!least) return false;
    close(**least);
    closing_.push_back(std::move(*least));
    --dynamic_;
    ++generation_;
    return true;
}

void kafka_topics::count(const topic_set& s, bool begins) {
    for_each([&](kafka_topic& t) {
        if (!s.contains(t.number())) return;
        if (begins)
            ++t.users_;
        else
            --t.users_;
    });
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

access_link& kafka_topics::want_access(kafka_topic& t) {
    if (!t.access_) {
        t.access_ = std::make_unique<access_link>(worker_, t.exit(), t, listener_);
        if (!closed_) t.access_->open();
    }
    return *t.access_;
}

bool kafka_topics::guarded() const {
    return std::any_of(topics_.begin(), topics_.end(),
                       [](const auto& t) { return t && t->access() && t->access()->guarded(); });
}

void kafka_topics::forget(session& who) {
    for_each([&](const kafka_topic& t) {
        if (t.access()) t.access()->forget(who);
    });
}

void kafka_topics::stay_closed() {
    closed_ = true;
    for_each([](kafka_topic& t) {
        any_stream(t, [](topic_stream& s) {
            s.stay_closed();
            return false;
        });
    });
}

void kafka_topics::close_all() {
    closed_ = true;
    for_each([](kafka_topic& t) { close(t); });
}

}  // namespace weft::mqtt_kafka
