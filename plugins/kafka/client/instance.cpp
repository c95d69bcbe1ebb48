#include "instance.hpp"

#include "fetch_stream.hpp"
#include "limits.hpp"
#include "meta_stream.hpp"
#include "produce_stream.hpp"

namespace weft::kafka::client {

namespace {

// A stream that cannot be served: says why and goes.
struct refusal : endpoint {
    void on_closed(stream) override { delete this; }
};

endpoint* refuse(stream s, int32_t error, const std::string& why) {
    meta_writer<weft_kafka_reset> m;
    m->error = error;
    const weft_ref text = m.text(why);
    m->text = text;
    s.reset(m.get());
    s.abort(m.get());
    return new refusal;
}

}  // namespace

client_instance::client_instance(worker w, const client_config& config, event_limiter& limiter,
                                 std::function<void(remains)> bury)
    : worker_(w),
      config_(config),
      bury_(std::move(bury)),
      health_(w, config, limiter, w.index() == 0),
      bridge_(w, config, health_),
      topics_(w, config, health_) {
    health_.connected = [this] { return bridge_.established() != 0; };
    health_.on_change = [this] { topics_.on_cluster(); };
    health_.on_chance = [this] { topics_.ask(); };
    health_.on_refused = [this] { bridge_.slow_down(); };
    topics_.on_answer = [this] { bridge_.on_answer(); };
    // One instance of the process finds out whether Kafka is there without being asked; it begins
    // when all bindings are attached.
    if (w.index() == 0)
        start_timer_ = w.timer_in_ms(limits::first_probe_ms, call<&client_instance::start>, this);
}

client_instance::~client_instance() {
    for (const uint64_t id : {start_timer_, drain_timer_})
        if (id) worker_.cancel(id);
    remains r;
    if (producer_) {
        r.lent = producer_->release_lent();
        r.producer_handle = producer_->release_handle();
    }
    if (consumer_) r.consumer_handle = consumer_->release_handle();
    r.thread = std::move(thread_);
    r.callbacks = std::move(hooks_);
    if (r.callbacks) bury_(std::move(r));
}

void client_instance::start() {
    start_timer_ = 0;
    if (hooks_ || draining_) return;
    hooks_ = std::make_unique<hooks>(worker_, bridge_, config_.name);
    thread_ = std::make_unique<blocking_thread>();
    consumer_ = std::make_unique<consumer>(worker_, config_, *hooks_, health_);
    topics_.start(consumer_->librdkafka(), *thread_);
    topics_.probe();
}

producer& client_instance::ensure_producer() {
    if (!producer_)
        producer_ = std::make_unique<producer>(worker_, config_, *hooks_, health_, *thread_);
    return *producer_;
}

endpoint* client_instance::accept(stream s, const weft_begin& b) {
    const meta_view<weft_kafka_begin> begin(b.h.meta);
    if (draining_) return refuse(s, -1, "the kafka client is being replaced or stopped");
    if (!begin || begin.text(begin->topic).empty())
        return refuse(s, -1, "a kafka client needs a topic");
    const std::string topic(begin.text(begin->topic));
    if (!config_.serves(topic))
        return refuse(s, -1, "no route of " + config_.name + " takes topic '" + topic + "'");
    start();
    topic_stream* out = nullptr;
    switch (begin->role) {
        case WEFT_KAFKA_PRODUCE:
            out = new produce_stream(s, *this, worker_, config_, topics_, ensure_producer(), topic);
            break;
        case WEFT_KAFKA_FETCH: {
            const auto positions = begin.list<weft_kafka_position>(begin->positions);
            out =
                new fetch_stream(s, *this, worker_, topics_, *consumer_, health_, topic, positions);
            break;
        }
        case WEFT_KAFKA_META:
            out = new meta_stream(s, *this, topics_, topic);
            break;
        default:
            return refuse(s, -1,
                          "a kafka client serves produce, fetch and meta streams; put a "
                          "cache_client before it for the rest");
    }
    ++streams_;
    return out;
}

void client_instance::on_stream_gone() {
    --streams_;
    if (draining_ && streams_ == 0) stop_bridge();
}

// Openers end their streams once what they sent is answered; the connections to the brokers go when
// the last has.
void client_instance::drain(uint32_t, uint64_t deadline_ns) {
    draining_ = true;
    bridge_.drain();
    topics_.drain();
    if (streams_ == 0) return stop_bridge();
    constexpr uint64_t margin = limits::drain_margin_ms * 1'000'000;
    if (deadline_ns != UINT64_MAX)
        drain_timer_ = worker_.timer_at(deadline_ns > margin ? deadline_ns - margin : 0,
                                        call<&client_instance::stop_bridge>, this);
}

void client_instance::stop_bridge() {
    if (drain_timer_) worker_.cancel(std::exchange(drain_timer_, 0));
    bridge_.stop();
}

}  // namespace weft::kafka::client
