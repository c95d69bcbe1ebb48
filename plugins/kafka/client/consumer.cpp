#include "consumer.hpp"

#include "fetch_stream.hpp"
#include "hooks.hpp"

#include <algorithm>

namespace weft::kafka::client {

consumer::consumer(worker w, const client_config& config, hooks& callbacks, health& h)
    : fetched(w.counter("kafka.fetched")),
      worker_(w),
      health_(h),
      handle_(std::make_unique<handle>(role::consumer, config, callbacks)) {
    watch_ = worker_.watch(handle_->event_fd(), WEFT_READABLE, call<&consumer::on_events>, this);
}

consumer::~consumer() {
    if (watch_) worker_.cancel(watch_);
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
