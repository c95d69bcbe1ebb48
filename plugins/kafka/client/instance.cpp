#include "instance.hpp"

#include "fetch_stream.hpp"
#include "limits.hpp"
#include "meta_stream.hpp"
#include "offsets_stream.hpp"
#include "produce_stream.hpp"
#include "refusal.hpp"

#include <algorithm>
#include <optional>

namespace weft::kafka::client {

namespace {

// What an instance has no use for any more goes without the worker waiting for it.
struct burial {
    std::optional<remains> left{std::in_place};
    void work() noexcept { left.reset(); }
    void done() {}
};

}  // namespace

client_instance::client_instance(worker w, const client_config& config, event_limiter& limiter,
                                 credentials* secrets, std::function<void(remains)> bury)
    : worker_(w),
      config_(config),
      secrets_(secrets),
      bury_(std::move(bury)),
      health_(w, config, limiter, w.index() == 0),
      bridge_(w, config, health_),
      login_(w, config, secrets, bridge_, health_),
      topics_(w, config, health_) {
    health_.connected = [this] { return bridge_.established() != 0; };
    health_.on_change = [this] { topics_.on_cluster(); };
    health_.on_chance = [this] { topics_.ask(); };
    health_.identity = [this] { return secrets_ ? secrets_->identity() : std::string(); };
    health_.on_refused = [this] {
        bridge_.slow_down();
        login_.on_refused();
    };
    topics_.on_rest = [this] { finish(); };
    topics_.on_answer = [this] { bridge_.on_answer(); };
    // One instance of the process finds out whether Kafka is there without being asked; it begins
    // when all bindings are attached.
    if (w.index() == 0)
        start_timer_ = w.timer_in_ms(limits::first_probe_ms, call<&client_instance::start>, this);
}

client_instance::~client_instance() {
    for (const uint64_t id : {start_timer_, drain_timer_, prune_timer_, gather_timer_})
        if (id) worker_.cancel(id);
    if (hooks_) bury_(take_remains());
}

remains client_instance::take_remains() {
    topics_.stop();
    remains r;
    r.callbacks = std::move(hooks_);  // first: what ends below may ask for this again
    if (producer_) {
        r.lent = producer_->release_lent();
        r.producer_handle = producer_->release_handle();
    }
    for (const auto* c : {&asker_, &consumer_})
        if (*c && (*c)->is_open()) r.consumer_handles.push_back((*c)->release_handle());
    for (const auto& c : side_consumers_) r.consumer_handles.push_back(c->release_handle());
    side_consumers_.clear();
    asker_.reset();
    consumer_.reset();
    producer_.reset();
    r.thread = std::move(thread_);
    r.group_thread = std::move(group_thread_);
    return r;
}

// A handle cannot be destroyed while somebody holds what it fetched; the last one to let go of that
// comes here again.
void client_instance::bury_when_idle() {
    if (!over_ || stopping_ || streams_ != 0 || !hooks_) return;
    const auto busy = [](const auto& c) { return c && !c->idle(); };
    if (busy(consumer_) || std::any_of(side_consumers_.begin(), side_consumers_.end(), busy))
        return;
    auto b = std::make_unique<burial>();
    *b->left = take_remains();
    if (prune_timer_) worker_.cancel(std::exchange(prune_timer_, 0));
    worker_.run(std::move(b));  // without a pool it is done right here
}

void client_instance::start() {
    // A stream may come before the timer does.
    if (start_timer_) worker_.cancel(std::exchange(start_timer_, 0));
    if (hooks_ || over_) return;
    hooks_ = std::make_unique<hooks>(worker_, bridge_, config_.name, secrets_);
    login_.begin();
    thread_ = std::make_unique<blocking_thread>();
    asker_ = make_consumer(role::consumer);
    topics_.start(asker_->librdkafka(), *thread_);
    topics_.probe();
}

std::unique_ptr<consumer> client_instance::make_consumer(role r) {
    std::unique_ptr<consumer> c(new consumer(worker_, *this, config_, *hooks_, health_, r));
    if (r != role::follower) c->open();
    return c;
}

// The one that follows partitions. It opens when those that the start of the binding wants are
// there.
consumer& client_instance::follower() {
    if (!consumer_) {
        consumer_ = make_consumer(role::follower);
        gather_since_ns_ = worker_.now_ns();
    }
    gather_last_ns_ = worker_.now_ns();
    if (!consumer_->is_open()) gather();
    return *consumer_;
}

void client_instance::gather() {
    if (gather_timer_) worker_.cancel(gather_timer_);
    gather_timer_ =
        worker_.timer_in_ms(limits::fetch_gather_ms, call<&client_instance::on_gathered>, this);
}

bool client_instance::gathering() const {
    const uint64_t now = worker_.now_ns();
    if (now >= gather_since_ns_ + limits::fetch_gather_max_ms * 1'000'000) return false;
    if (topics_.pending()) return true;
    return now < gather_last_ns_ + limits::fetch_gather_pause_ms * 1'000'000 &&
           !topics_.all_asked([&](const std::string& t) { return consumer_->follows(t); });
}

void client_instance::on_gathered() {
    gather_timer_ = 0;
    if (!consumer_ || over_) return;
    if (gathering()) return gather();
    consumer_->open();
}

// One consumer serves what goes on for ever. A stream with an end, such as one that reads what a
// cache no longer has, may want a partition that is being followed, so it gets another.
consumer& client_instance::consumer_for(const std::string& topic,
                                        std::span<const weft_kafka_position> positions) {
    if (std::any_of(positions.begin(), positions.end(), [](const auto& p) { return p.end < 0; }))
        return follower();
    const auto is_free = [&](const auto& c) {
        return std::none_of(positions.begin(), positions.end(),
                            [&](const auto& p) { return c->is_claimed(topic, p.partition); });
    };
    const auto found = std::find_if(side_consumers_.begin(), side_consumers_.end(), is_free);
    if (found != side_consumers_.end()) return **found;
    if (side_consumers_.size() == limits::side_consumers_max)
        return *side_consumers_.front();  // in line behind those that read there
    if (!prune_timer_)
        prune_timer_ = worker_.timer_in_ms(limits::side_consumer_idle_ms,
                                           call<&client_instance::on_prune>, this);
    return *side_consumers_.emplace_back(make_consumer(role::consumer));
}

void client_instance::on_prune() {
    prune_timer_ = 0;
    auto b = std::make_unique<burial>();
    std::erase_if(side_consumers_, [&](const auto& c) {
        if (!c->idle()) return false;
        b->left->consumer_handles.push_back(c->release_handle());
        return true;
    });
    if (!side_consumers_.empty())
        prune_timer_ = worker_.timer_in_ms(limits::side_consumer_idle_ms,
                                           call<&client_instance::on_prune>, this);
    if (!b->left->consumer_handles.empty()) worker_.run(std::move(b));
}

producer& client_instance::ensure_producer() {
    if (!producer_)
        producer_ = std::make_unique<producer>(worker_, config_, *hooks_, health_, *thread_);
    return *producer_;
}

endpoint* client_instance::accept(stream s, const weft_begin& b) {
    const meta_view<weft_kafka_begin> begin(b.h.meta);
    if (stopping_ || over_)
        return refusal::of(s, -1, "the kafka client is being replaced or stopped");
    if (!begin || begin.text(begin->topic).empty())
        return refusal::of(s, -1, "a kafka client needs a topic");
    const std::string topic(begin.text(begin->topic));
    if (!config_.serves(topic))
        return refusal::of(s, -1, "no route of " + config_.name + " takes topic '" + topic + "'");
    if (!config_.routes.admits(worker_, b, *begin, topic))
        return refusal::of_topic(s, config_.name, topic);
    topic_stream* out = nullptr;
    if (begin->role != WEFT_KAFKA_ACCESS) start();
    switch (begin->role) {
        case WEFT_KAFKA_PRODUCE:
            out = new produce_stream(s, *this, worker_, config_, topics_, ensure_producer(), topic);
            break;
        case WEFT_KAFKA_FETCH: {
            const auto positions = begin.list<weft_kafka_position>(begin->positions);
            out = new fetch_stream(s, *this, worker_, topics_, consumer_for(topic, positions),
                                   health_, topic, positions);
            break;
        }
        case WEFT_KAFKA_META:
            out = new meta_stream(s, *this, topics_, topic);
            break;
        case WEFT_KAFKA_OFFSETS:
            if (begin.text(begin->group).empty())
                return refusal::of(s, -1, "an offsets stream needs a consumer group");
            if (!group_thread_) group_thread_ = std::make_unique<blocking_thread>();
            out = new offsets_stream(s, *this, worker_, config_, topics_, *hooks_, *group_thread_,
                                     topic, std::string(begin.text(begin->group)));
            break;
        case WEFT_KAFKA_ACCESS:
            out = new access_stream(s, *this, accesses_, topic, config_.routes.guards(topic));
            break;
        default:
            return refusal::of(
                s, -1,
                "a kafka client serves produce, fetch, meta, offsets and access streams; put "
                "a cache_client before it for the rest");
    }
    ++streams_;
    if (draining_) out->on_instance_drain();  // it was on its way when this began
    return out;
}

void client_instance::on_stream_gone() {
    --streams_;
    if (draining_ && streams_ == 0) finish();
}

// The last stream is gone.
void client_instance::finish() {
    over_ = true;
    topics_.stop();
    // Its answer comes by our connections; without them the thread would wait for a while.
    if (!stopping_ && !bridge_.is_stopped() && topics_.asking()) return;
    stop_bridge();
    // Not under the producer's feet: a stream that was given up goes with its last report, and then
    // nothing is left here that the host would wait for.
    if (!producer_ || !producer_->reporting()) bury_when_idle();
}

// Openers end their streams once what they sent is answered; the connections to the brokers go when
// the last has. A replaced instance lets its connections follow the exit's own replacement
// meanwhile.
void client_instance::drain(uint32_t why, uint64_t deadline_ns) {
    if (why == WEFT_DRAIN_STOP) {
        stopping_ = true;
        bridge_.drain();
    }
    if (!std::exchange(draining_, true)) {
        topics_.drain();
        for (const access_stream* a : accesses_) a->on_instance_drain();
        if (!stopping_) health_.retire();
    }
    if (streams_ == 0) return finish();
    constexpr uint64_t margin = limits::drain_margin_ms * 1'000'000;
    if (deadline_ns == UINT64_MAX) return;
    if (drain_timer_) worker_.cancel(drain_timer_);
    drain_timer_ = worker_.timer_at(deadline_ns > margin ? deadline_ns - margin : 0,
                                    call<&client_instance::on_deadline>, this);
}

void client_instance::on_deadline() {
    drain_timer_ = 0;
    stop_bridge();
}

void client_instance::stop_bridge() {
    over_ = true;
    if (drain_timer_) worker_.cancel(std::exchange(drain_timer_, 0));
    bridge_.stop();
}

}  // namespace weft::kafka::client
