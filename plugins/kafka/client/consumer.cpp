#include "consumer.hpp"

#include "fetch_stream.hpp"
#include "hooks.hpp"

#include <algorithm>
#include <new>

namespace weft::kafka::client {

consumer::consumer(worker w, owner& o, const client_config& config, hooks& callbacks, health& h,
                   role r)
    : fetched(w.counter("kafka.fetched")),
      worker_(w),
      owner_(o),
      config_(config),
      callbacks_(callbacks),
      health_(h),
      role_(r) {}

consumer::~consumer() {
    if (watch_) worker_.cancel(watch_);
    while (free_) delete std::exchange(free_, free_->next);
}

void consumer::open() {
    if (handle_) return;
    handle_ = std::make_unique<handle>(role_, config_, callbacks_);
    watch_ = worker_.watch(handle_->event_fd(), WEFT_READABLE, call<&consumer::on_events>, this);
    // All within this turn: the handle has no connection before the worker makes it one.
    const auto streams = streams_;
    for (auto* s : streams) s->on_topic();
}

std::unique_ptr<handle> consumer::release_handle() {
    if (watch_) worker_.cancel(std::exchange(watch_, 0));
    topics_.clear();
    return std::move(handle_);
}

rd_kafka_topic_t* consumer::topic_for(const std::string& name) {
    auto& t = topics_[name];
    if (!t) t.reset(rd_kafka_topic_new(handle_->get(), name.c_str(), nullptr));
    return t.get();
}

void consumer::remove(fetch_stream& s) {
    streams_.erase(std::remove(streams_.begin(), streams_.end(), &s), streams_.end());
}

bool consumer::follows(const std::string& topic) const {
    return std::any_of(streams_.begin(), streams_.end(),
                       [&](const auto* s) { return s->name() == topic; });
}

void consumer::unclaim(const std::string& topic, int32_t partition) {
    claimed_.erase({topic, partition});
    const auto streams = streams_;
    for (auto* s : streams) s->on_unclaimed();
}

chunk consumer::lend(rd_kafka_message_t* m) {
    if (!free_) free_ = new lent_message{nullptr, this, nullptr};
    lent_message* l = free_;
    weft_slice s{};
    if (services.buffers->wrap(worker_.handle(), m->payload, static_cast<uint32_t>(m->len),
                               take_back, l, &s) != WEFT_OK) {
        rd_kafka_message_destroy(m);
        throw std::bad_alloc();
    }
    free_ = l->next;
    l->message = m;
    ++lent_;
    return chunk::adopt(s);
}

void consumer::take_back(void* lent) {
    auto* l = static_cast<lent_message*>(lent);
    consumer& c = *l->of;
    rd_kafka_message_destroy(l->message);
    l->next = c.free_;
    c.free_ = l;
    if (--c.lent_ == 0) c.owner_.on_returned();
}

void consumer::on_events(uint32_t) {
    handle_->acknowledge();
    while (true) {
        const event_handle e(rd_kafka_queue_poll(handle_->main_queue(), 0));
        if (!e) break;
        if (rd_kafka_event_type(e.get()) == RD_KAFKA_EVENT_ERROR)
            health_.on_error(rd_kafka_event_error(e.get()), rd_kafka_event_error_string(e.get()));
    }
    bool more = false;
    const auto streams = streams_;  // a stream may leave
    for (auto* s : streams) {
        if (std::find(streams_.begin(), streams_.end(), s) != streams_.end())
            more |= s->drain_queue();
    }
    if (more) handle_->wake();
}

}  // namespace weft::kafka::client
