#include "produce_stream.hpp"

#include "copies.hpp"
#include "errors.hpp"
#include "limits.hpp"

#include <algorithm>
#include <cstring>

namespace weft::kafka::client {

produce_stream::produce_stream(stream s, stream_owner& owner, worker w, const client_config& config,
                               topics& registry, producer& p, const std::string& name)
    : topic_stream(s, owner), worker_(w), config_(config), topics_(registry), producer_(p) {
    stream_.begin();
    topics_.join(*this, name, false);
    update_window();
}

produce_stream::~produce_stream() {
    topics_.leave(*this);
    producer_.forget_waiting(*this);
}

void produce_stream::update_window() {
    const auto largest =
        static_cast<uint32_t>(config_.produce_max_bytes) + limits::record_overhead_bytes;
    if (!ended_)
        stream_.window(std::max(limits::produce_window_bytes_min, largest), waiting_bytes_,
                       limits::record_overhead_bytes);
}

void produce_stream::on_data(stream, const weft_data& d) {
    if (!of) return;  // given up
    if ((d.h.flags & (WEFT_INIT | WEFT_FIN)) != (WEFT_INIT | WEFT_FIN)) {
        accept_part(d);
    } else if (d.h.meta) {
        accept_whole(d.h.meta, gather(d), d.reserved);
    }
    update_window();
}

// The payload in one piece: librdkafka takes a single pointer.
chunk produce_stream::gather(const weft_data& d) const {
    if (d.iovcnt == 0) return {};
    if (d.iovcnt == 1) return chunk::retain(d.iov[0]);
    const auto total = static_cast<uint32_t>(payload_size(d));
    uint8_t* bytes = nullptr;
    chunk c = worker_.alloc(total, bytes);
    if (total > 0 && !bytes) throw std::bad_alloc();
    size_t at = 0;
    for (const auto& s : slices(d)) {
        std::memcpy(bytes + at, s.data, s.len);
        at += s.len;
    }
    c.truncate(total);
    return c;
}

void produce_stream::accept_part(const weft_data& d) {
    if (d.h.flags & WEFT_INIT) {
        part_block_ = d.h.meta ? copy_block(*d.h.meta) : nullptr;
        part_.clear();
        part_too_large_ = false;
        waiting_bytes_ -= std::exchange(part_reserved_, 0);
    }
    if (!part_block_) return;
    // The parts stay within produce_max_bytes, so their credit is given back at once: a record may
    // be larger than the window.
    for (const auto& s : slices(d)) {
        if (part_.size() + s.len > static_cast<uint64_t>(config_.produce_max_bytes))
            part_too_large_ = true;
        if (!part_too_large_) part_.insert(part_.end(), s.data, s.data + s.len);
    }
    if (!(d.h.flags & WEFT_FIN)) return;
    const auto block = std::move(part_block_);
    if (d.h.flags & WEFT_INCOMPLETE) return;
    const auto* meta = reinterpret_cast<const weft_meta*>(block.get());
    if (part_too_large_) {
        const meta_view<weft_kafka_produce> view(meta);
        if (view)
            answer(view->token, -1, -1,
                   {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "record is too large"});
        return;
    }
    chunk whole = copy_bytes(worker_, part_);
    part_ = {};
    accept_whole(meta, std::move(whole), 0);
}

void produce_stream::accept_whole(const weft_meta* meta, chunk payload, uint32_t reserved) {
    if (again_.empty() && waiting_.empty() && hand_over(meta, payload) != producer::outcome::wait)
        return;
    waiting_bytes_ += reserved;
    waiting_.push_back({copy_block(*meta), std::move(payload), reserved, 0});
}

// Taken, or answered with an error; or it must wait.
producer::outcome produce_stream::hand_over(const weft_meta* meta, const chunk& payload) {
    const meta_view<weft_kafka_produce> view(meta);
    if (!view) return producer::outcome::failed;  // no record of ours: nothing to answer to
    produce_error error;
    auto result = producer::outcome::failed;
    switch (ask_topic(error)) {
        case topic_answer::wait:
            return producer::outcome::wait;
        case topic_answer::refuse:
            break;
        case topic_answer::go:
            result = producer_.produce(*this, *of, meta, payload, error);
            break;
    }
    if (result == producer::outcome::failed) answer(view->token, -1, -1, error);
    return result;
}

produce_stream::topic_answer produce_stream::ask_topic(produce_error& error) const {
    const topic& t = *of;
    if (t.present) return topic_answer::go;
    const auto refuse = [&] {
        error = {t.why_not.error, t.why_not.text};
        return topic_answer::refuse;
    };
    if (t.why_not.state == WEFT_KAFKA_NOT_AUTHORIZED) return refuse();
    if (t.why_not.state == WEFT_KAFKA_NO_TOPIC &&
        worker_.now_ns() - t.missing_since_ns >=
            static_cast<uint64_t>(config_.unknown_topic_ms) * 1'000'000)
        return refuse();
    return topic_answer::wait;
}

void produce_stream::pump() {
    if (closed_ || !of) return;
    if (pump(again_) && pump(waiting_)) finish_if_done();
    update_window();
}

bool produce_stream::pump(std::deque<waiting_record>& queue) {
    while (!queue.empty()) {
        auto& front = queue.front();
        if (hand_over(front.meta(), front.payload) == producer::outcome::wait) return false;
        waiting_bytes_ -= front.reserved;
        queue.pop_front();
    }
    return true;
}

void produce_stream::on_report(uint64_t token, int32_t partition, int64_t offset,
                               const produce_error& error) {
    if (!closed_) answer(token, partition, offset, error);
}

// In the order of the first time: reports of failure come as librdkafka finds the records, queued
// ones before sent ones.
void produce_stream::on_again(waiting_record r) {
    const auto at =
        std::upper_bound(again_.begin(), again_.end(), r.order,
                         [](uint64_t order, const waiting_record& w) { return order < w.order; });
    again_.insert(at, std::move(r));
}

void produce_stream::answer(uint64_t token, int32_t partition, int64_t offset,
                            const produce_error& error) {
    auto& m = producer_.report;
    m.clear();
    m->token = token;
    m->partition = partition;
    m->offset = offset;
    m->error = error.code;
    if (error.code != 0) m->text = m.text(error.text);
    stream_.flush(m.get());
}

void produce_stream::returned() {
    --outstanding_;
    finish_if_done();
}

void produce_stream::on_end(stream, const weft_frame&) {
    ended_ = true;
    finish_if_done();
}

// The opener has ended and everything it sent is answered.
void produce_stream::finish_if_done() {
    if (outstanding_ != 0) return;
    if (closed_) {
        delete this;
    } else if (ended_ && again_.empty() && waiting_.empty()) {
        topics_.leave(*this);
        stream_.end();
    }
}

void produce_stream::give_up() {
    ended_ = true;
    topics_.leave(*this);
    again_.clear();
    waiting_.clear();
    stream_.abort();
    stream_.reset();
}

void produce_stream::on_closed(stream) {
    closed_ = true;
    topics_.leave(*this);
    producer_.forget_waiting(*this);
    if (outstanding_ == 0) delete this;
}

}  // namespace weft::kafka::client
