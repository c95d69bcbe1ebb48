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
    if (last_) return;
    if (!stream_)
        stream_ = open_one();
    else if (moving_ && !successor_)
        successor_ = open_one();
}

stream topic_stream::open_one() {
    meta_writer<weft_kafka_begin> m;
    m->role = role_;
    m->flags = WEFT_KAFKA_SHARED;
    m->topic = m.text(topic_);
    describe(m);
    told_ = topic_state::unknown;
    const stream s = worker_.open(exit_, *this, m.get());
    on_opened(s);
    return s;
}

void topic_stream::open_later() {
    if (last_ || timer_) return;
    delay_ms_ = std::clamp(delay_ms_ * 2, reopen_ms_min, reopen_ms_max);
    timer_ = worker_.timer_in_ms(delay_ms_, call<&topic_stream::on_reopen>, this);
}

void topic_stream::on_reopen() {
    open();
    if (successor_) on_successor();
}

void topic_stream::close() {
    last_ = true;
    if (timer_) worker_.cancel(timer_);
    timer_ = 0;
    finish(std::exchange(stream_, {}));
    finish(std::exchange(successor_, {}));
}

// Both directions, in good order.
void topic_stream::finish(stream s) {
    if (!s) return;
    ++leaving_;
    s.end();
    s.reset();
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

void topic_stream::on_flush(stream s, const weft_flush& f) {
    if (s != stream_ && s != successor_) return;  // of one that is ended
    delay_ms_ = 0;                                // it works: start over with short delays
    const meta_view<weft_kafka_status> status(f.h.meta);
    if (!status) return on_news(s, f);
    static constexpr std::pair<uint32_t, topic_state> states[] = {
        {WEFT_KAFKA_OK, topic_state::ok},
        {WEFT_KAFKA_UNREACHABLE, topic_state::unreachable},
        {WEFT_KAFKA_NO_TOPIC, topic_state::missing},
        {WEFT_KAFKA_NOT_AUTHORIZED, topic_state::not_authorized}};
    for (const auto& [told, state] : states) {
        if (status->state != told) continue;
        if (s == stream_) return set_state(state, status.text(status->text));
        told_ = state;
        told_text_ = status.text(status->text);
    }
}

void topic_stream::on_reset(stream s, const weft_frame& f) {
    const meta_view<weft_kafka_reset> why(f.meta);
    if (why && s == stream_) text_ = why.text(why->text);
    lose(s);
}

// The binding behind the stream is replaced. What is opened now leads to the new generation.
void topic_stream::on_drain(stream s, const weft_frame&) {
    if (last_) return;
    if (s == successor_) {  // replaced itself, before it could take over
        finish(std::exchange(successor_, {}));
        open_later();
        on_successor();
    } else if (s == stream_ && !moving_) {
        moving_ = true;
        open();
        on_successor();
    }
}

void topic_stream::promote() {
    stream_ = std::exchange(successor_, {});
    moving_ = false;
    if (timer_) worker_.cancel(std::exchange(timer_, 0));
}

void topic_stream::take_over() {
    const stream before = stream_;
    promote();
    finish(before);
    if (told_ != topic_state::unknown) set_state(told_, std::exchange(told_text_, {}));
}

void topic_stream::lose(stream s) {
    if (s != stream_ && s != successor_) return;
    ++leaving_;
    s.abort();
    s.reset();
    if (s == successor_) {
        successor_ = {};
        open_later();
        return on_successor();
    }
    stream_ = {};
    const bool moved = has_successor();
    promote();
    on_lost();
    if (!moved) {
        set_state(topic_state::unreachable, std::string(text_));
        open_later();
    } else if (told_ != topic_state::unknown) {
        set_state(told_, std::exchange(told_text_, {}));
    }
}

void topic_stream::on_closed(stream s) {
    lose(s);  // if nobody has said so: the host has ended it by force
    --leaving_;
}

}  // namespace weft::mqtt_kafka
