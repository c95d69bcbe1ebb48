#include "kafka/produce_link.hpp"

#include "kafka/kafka_topics.hpp"
#include "limits.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weft::mqtt_kafka {

namespace {

std::vector<uint64_t> copy_block(const weft_meta* meta) {
    std::vector<uint64_t> block((meta->size + 7) / 8);
    std::memcpy(block.data(), meta, meta->size);
    return block;
}

// One small buffer in place of slices that would each pin a whole receive buffer.
chunk compact(worker w, std::span<const weft_slice> payload, uint32_t size) {
    uint8_t* bytes = nullptr;
    chunk c = w.alloc(size, bytes);
    if (!bytes) return {};
    for (const auto& s : payload) {
        std::memcpy(bytes, s.data, s.len);
        bytes += s.len;
    }
    c.truncate(size);
    return c;
}

}  // namespace

staged_record staged_record::make(worker w, const weft_meta* meta,
                                  std::span<const weft_slice> payload) {
    staged_record r;
    r.block = copy_block(meta);
    for (const auto& s : payload) r.size += s.len;
    if (r.size > 0 && r.size <= copy_below) {
        if (chunk c = compact(w, payload, r.size); !c.empty()) {
            r.payload.push_back(std::move(c));
            return r;
        }
    }
    for (const auto& s : payload) r.payload.push_back(chunk::retain(s));
    return r;
}

staged_record staged_record::with(const weft_meta* meta) const {
    staged_record r;
    r.block = copy_block(meta);
    r.size = size;
    for (const auto& c : payload) r.payload.push_back(c.copy());
    return r;
}

produce_link::produce_link(worker w, uint64_t exit, kafka_topic& topic, topic_listener& listener)
    : topic_stream(w, exit, topic.name(), WEFT_KAFKA_PRODUCE), of_(topic), listener_(listener) {}

void produce_link::on_opened(stream s) {
    s.window(1 << 16);
}  // the reply carries only FLUSHes, which need no credit

// Also for an empty payload some credit must be there: the first WINDOW says that somebody takes
// records at all.
bool produce_link::can_send(uint32_t size) const {
    if (!may_begin()) return false;
    const uint32_t credit = stream_.credit();
    return credit > 0 && credit >= size + stream_.padding();
}

void produce_link::submit(uint64_t token, const weft_meta* meta,
                          std::span<const weft_slice> payload, uint64_t trace) {
    uint32_t size = 0;
    for (const auto& s : payload) size += s.len;
    if (!waiting_.empty() || !can_send(size))
        return submit(token, staged_record::make(worker_, meta, payload));
    ++unanswered_;
    listener_.on_sent(token);
    stream_.data(payload, meta, WEFT_INIT | WEFT_FIN, trace);
}

void produce_link::submit(uint64_t token, staged_record record) {
    waiting_.push_back({token, std::move(record)});
    pump();
}

std::vector<uint64_t> produce_link::take_waiting() {
    std::vector<uint64_t> tokens;
    for (size_t i = waiting_.size(); i-- > 0;) {
        if (waiting_[i].sent) break;  // half of it is on its way: the Kafka binding answers
        tokens.push_back(waiting_[i].token);
        waiting_.pop_back();
    }
    std::reverse(tokens.begin(), tokens.end());
    return tokens;
}

void produce_link::on_window(stream s, const weft_window& w) {
    if (!serves(s)) {
        successor_window_max_ = w.maximum;
        return;
    }
    window_max_ = w.maximum;
    pump();
    move_when_answered();
}

void produce_link::on_successor() {
    successor_window_max_ = 0;
    if (has_successor())
        move_when_answered();
    else
        pump();
}

void produce_link::move_when_answered() {
    if (!has_successor() || unanswered_ != 0) return;
    if (!waiting_.empty() && waiting_.front().sent != 0) return;  // half of it is on its way
    window_max_ = std::exchange(successor_window_max_, 0);
    take_over();
    pump();
}

void produce_link::pump() {
    while (!waiting_.empty() && send_some(waiting_.front())) {
        ++unanswered_;
        const uint64_t token = waiting_.front().token;
        waiting_.pop_front();
        listener_.on_sent(token);
    }
}

// True when the whole record is sent. A record larger than the stream's window goes in pieces.
bool produce_link::send_some(waiting_record& w) {
    std::vector<weft_slice> iov;
    if (w.sent == 0 && can_send(w.record.size)) {
        for (const auto& c : w.record.payload) iov.push_back(c.slice());
        stream_.data(iov, w.record.meta());
        return true;
    }
    if (!stream_) return false;
    if (w.sent == 0 && (!may_begin() || w.record.size + stream_.padding() <= window_max_))
        return false;
    const uint32_t credit = stream_.credit(), padding = stream_.padding();
    if (credit <= padding) return false;
    uint32_t room = std::min(credit - padding, w.record.size - w.sent), skip = w.sent;
    const uint32_t piece = room;
    for (const auto& c : w.record.payload) {
        weft_slice s = c.slice();
        const uint32_t past = std::min(skip, s.len);
        skip -= past;
        s.data += past;
        s.len = std::min(s.len - past, room);
        room -= s.len;
        if (s.len) iov.push_back(s);
    }
    const bool first = w.sent == 0, last = w.sent + piece == w.record.size;
    w.sent += piece;
    stream_.data(iov, first ? w.record.meta() : nullptr,
                 static_cast<uint16_t>((first ? WEFT_INIT : 0) | (last ? WEFT_FIN : 0)));
    return last;
}

void produce_link::on_news(stream s, const weft_flush& f) {
    const meta_view<weft_kafka_produced> answer(f.h.meta);
    if (!answer || !serves(s)) return;
    if (unanswered_ > 0) --unanswered_;
    if (answer->error == 0) set_state(topic_state::ok);
    listener_.on_produced(answer->token, {answer->error, answer.text(answer->text),
                                          answer->partition, answer->offset});
    move_when_answered();
}

void produce_link::on_lost() {
    unanswered_ = 0;
    window_max_ = std::exchange(successor_window_max_, 0);
    for (auto& w : waiting_) w.sent = 0;
    listener_.on_produce_lost(of_);
    pump();
}

void produce_link::on_state_changed() {
    listener_.on_topic_changed(of_);
}

}  // namespace weft::mqtt_kafka
