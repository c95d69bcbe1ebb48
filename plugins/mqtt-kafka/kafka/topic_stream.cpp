#include "kafka/topic_stream.hpp"

#include "limits.hpp"
#include "mapping/reasons.hpp"

#include <algorithm>

namespace weft::mqtt_kafka {

topic_stream::topic_stream(worker w, uint64_t exit, std::string topic, uint8_t role)
    : worker_(w), exit_(exit), topic_(std::move(topic)), role_(role) {}

topic_stream::~topic_stream() {
    if (timer_) worker_.cancel(timer_);
}

void topic_stream::open() {
    timer_ = 0;
    if (stream_ || last_) return;
    meta_writer<weft_kafka_begin> m;
    m->role = role_;
    m->topic = m.text(topic_);
    lost_ = moving_ = false;
    stream_ = worker_.open(exit_, *this, m.get());
    on_opened();
}

void topic_stream::close() {
    last_ = closing_ = true;
    if (timer_) worker_.cancel(timer_);
    timer_ = 0;
    if (!stream_) return;
    stream_.end();
    stream_.reset();
}

std::string topic_stream::trouble() const {
    switch (state_) {
        case topic_state::ok:
            return {};
        case topic_state::missing:
            return missing_topic_text(topic_);
        case topic_state::not_authorized:
            return text_.empty() ? "Kafka does not authorize topic '" + topic_ + "'"
                                 : "Kafka: " + text_;
        case topic_state::unknown:
        case topic_state::unreachable:
            break;
    }
    return text_.empty() ? std::string("Kafka is not reachable")
                         : "Kafka is not reachable: " + text_;
}

void topic_stream::set_state(topic_state s, std::string_view text) {
    text_ = text;
    if (s == state_) return;
    state_ = s;
    on_state_changed();
}

void topic_stream::on_flush(stream, const weft_flush& f) {
    delay_ms_ = 0;  // it works: start over with short delays
    const meta_view<weft_kafka_status> status(f.h.meta);
    if (!status) return on_news(f);
    static constexpr std::pair<uint32_t, topic_state> states[] = {
        {WEFT_KAFKA_OK, topic_state::ok},
        {WEFT_KAFKA_UNREACHABLE, topic_state::unreachable},
        {WEFT_KAFKA_NO_TOPIC, topic_state::missing},
        {WEFT_KAFKA_NOT_AUTHORIZED, topic_state::not_authorized}};
    for (const auto& [told, state] : states)
        if (status->state == told) set_state(state, status.text(status->text));
}

void topic_stream::on_reset(stream, const weft_frame& f) {
    const meta_view<weft_kafka_reset> why(f.meta);
    if (why) text_ = why.text(why->text);
    lose();
}

void topic_stream::lose() {
    if (lost_) return;
    lost_ = true;
    if (stream_) {
        stream_.abort();
        stream_.reset();
    }
    if (closing_) return;
    on_lost();
    if (!moving_) set_state(topic_state::unreachable, text_);
}

void topic_stream::reopen_soon() {
    moving_ = true;
    move_if_idle();
}

void topic_stream::move_if_idle() {
    if (!moving_ || lost_ || !stream_ || !idle()) return;
    stream_.end();
    stream_.reset();
    lost_ = true;
    on_lost();
}

void topic_stream::on_closed(stream) {
    if (!lost_ && !closing_) lose();  // force-closed by the host
    stream_ = {};
    if (last_) return;
    if (moving_) return open();
    delay_ms_ = std::clamp(delay_ms_ * 2, reopen_ms_min, reopen_ms_max);
    timer_ = worker_.timer_in_ms(delay_ms_, call<&topic_stream::open>, this);
}

}  // namespace weft::mqtt_kafka
