#include "fetch_stream.hpp"

#include "errors.hpp"
#include "limits.hpp"
#include "message.hpp"

#include <algorithm>

namespace weft::kafka::client {

namespace {

void fill(meta_writer<weft_kafka_record>& out, const rd_kafka_message_t& m) {
    out.clear();
    out->offset = m.offset;
    out->partition = m.partition;
    copy_message(out, m);
}

}  // namespace

fetch_stream::fetch_stream(stream s, stream_owner& owner, worker w, topics& registry, consumer& c,
                           health& h, const std::string& name,
                           std::span<const weft_kafka_position> positions)
    : topic_stream(s, owner), worker_(w), topics_(registry), consumer_(c), health_(h), name_(name) {
    for (const auto& p : positions) partitions_.push_back({p.partition, p.offset, p.end});
    std::sort(partitions_.begin(), partitions_.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    consumer_.add(*this);
    stream_.begin();
    topics_.join(*this, name_, false);
    start_partitions();
}

fetch_stream::~fetch_stream() {
    finished_ = true;
    topics_.leave(*this);
    consumer_.remove(*this);
    for (auto& p : partitions_) stop(p);
    for (; batch_at_ < batch_.size(); ++batch_at_) rd_kafka_message_destroy(batch_[batch_at_]);
    if (queue_) rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
}

// Those that the topic has so far; partitions that come later follow when the metadata tells of
// them.
void fetch_stream::start_partitions() {
    if (finished_ || !of || !of->present || !consumer_.is_open()) return;
    if (!queue_) {
        topic_ = consumer_.topic_for(name_);
        queue_.reset(rd_kafka_queue_new(consumer_.librdkafka().get()));
    }
    const bool first = std::none_of(partitions_.begin(), partitions_.end(),
                                    [](const auto& p) { return p.started; });
    for (auto& p : partitions_) {
        if (!p.started && !p.done && static_cast<size_t>(p.id) < of->partition_count()) start(p);
    }
    if (first) consumer_.librdkafka().signal_from(queue_.get());
}

void fetch_stream::start(partition& p) {
    if (!p.claimed) p.claimed = consumer_.claim(name_, p.id);
    waits_ |= !p.claimed;
    if (!p.claimed && p.end >= 0) return;  // it is somebody's for a while only
    if (!p.claimed) {
        health_.event(WEFT_ERROR, "binding.kafka.fetch.error", name_ + "/" + std::to_string(p.id),
                      "Partition " + std::to_string(p.id) + " of topic (" + name_ +
                          ") is fetched by another stream already.");
        return;
    }
    p.started = rd_kafka_consume_start_queue(topic_, p.id, p.next, queue_.get()) == 0;
    if (!p.started)
        health_.event(WEFT_ERROR, "binding.kafka.fetch.error", name_,
                      "Partition " + std::to_string(p.id) + " of topic (" + name_ +
                          ") cannot be fetched: " + rd_kafka_err2str(rd_kafka_last_error()));
}

void fetch_stream::stop(partition& p) {
    // Waits for librdkafka's main thread, which never waits for us: some microseconds.
    if (p.started) rd_kafka_consume_stop(topic_, p.id);
    p.started = false;
    if (std::exchange(p.claimed, false)) consumer_.unclaim(name_, p.id);
}

void fetch_stream::on_unclaimed() {
    if (std::exchange(waits_, false)) start_partitions();
}

// All below `offset` is known: sent, or there is no record.
void fetch_stream::progress(const partition& p, int64_t offset) {
    meta_writer<weft_kafka_progress> m;
    const weft_ref list = m.list<weft_kafka_position>(1);
    m.item<weft_kafka_position>(list, 0) = {offset, offset, p.id, 0};
    m->positions = list;
    stream_.flush(m.get());
}

// What was wanted of this partition is there.
void fetch_stream::complete(partition& p) {
    p.done = true;
    progress(p, p.end);
    stop(p);
}

void fetch_stream::on_window(stream, const weft_window& w) {
    window_max_ = w.maximum;
    if (drain_queue()) consumer_.librdkafka().wake();
}

bool fetch_stream::drain_queue() {
    if (!queue_) return false;
    for (int i = 0; i < limits::fetch_batches_per_wake_max && !finished_; ++i) {
        if (batch_at_ == batch_.size()) {
            if (stream_.credit() <= stream_.padding()) return false;  // on_window comes
            batch_.resize(limits::fetch_batch_max);
            const ssize_t n =
                rd_kafka_consume_batch_queue(queue_.get(), 0, batch_.data(), batch_.size());
            batch_.resize(n > 0 ? static_cast<size_t>(n) : 0);
            batch_at_ = 0;
            if (batch_.empty()) return false;
        }
        for (; batch_at_ < batch_.size(); ++batch_at_) {
            if (!send(batch_[batch_at_])) return false;
        }
    }
    return !finished_;
}

bool fetch_stream::send(rd_kafka_message_t* m) {
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_error(*m);
        rd_kafka_message_destroy(m);
        return true;
    }
    partition* p = find(m->partition);
    const uint64_t need = m->len + stream_.padding();
    if (!p || !p->started) {
        rd_kafka_message_destroy(m);
    } else if (p->end >= 0 && m->offset >= p->end) {
        rd_kafka_message_destroy(m);
        complete(*p);
    } else if (need <= stream_.credit()) {
        send_record(m, *p);
    } else if (need <= window_max_) {
        return false;
    } else {
        health_.event(WEFT_ERROR, "binding.kafka.fetch.error", name_,
                      "Record at offset " + std::to_string(m->offset) + ", partition " +
                          std::to_string(m->partition) + " of topic (" + name_ +
                          ") is left out: its " + std::to_string(m->len) +
                          " bytes exceed the receiver's window.");
        p->next = m->offset + 1;
        rd_kafka_message_destroy(m);
    }
    if (p && p->started && p->end >= 0 && p->next >= p->end) complete(*p);
    return true;
}

void fetch_stream::send_record(rd_kafka_message_t* m, partition& p) {
    p.next = m->offset + 1;
    if (std::exchange(denied_, false)) send_status(WEFT_KAFKA_OK, 0, "");
    auto& meta = consumer_.record;
    fill(meta, *m);
    consumer_.fetched.add();
    if (m->len == 0) {
        stream_.data(std::span<const weft_slice>{}, meta.get());
        return rd_kafka_message_destroy(m);
    }
    const chunk lent = consumer_.lend(m);
    stream_.data(lent.slice(), meta.get());
}

void fetch_stream::on_error(const rd_kafka_message_t& m) {
    partition* p = find(m.partition);
    switch (m.err) {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            // The end of the log, as far as transactions are decided: behind the last record there
            // may be offsets without any.
            if (!p || !p->started || m.offset <= p->next) return;
            p->next = m.offset;
            return p->end >= 0 && p->next >= p->end ? complete(*p) : progress(*p, p->next);
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
            if (p) restart(*p);
            return;
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
            return topics_.ask();
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            health_.event(WEFT_ERROR, "binding.kafka.topic.authorization.failed", name_,
                          "FETCH Topic authorization failed for topic (" + name_ + ").");
            if (std::exchange(denied_, true)) return;
            return send_status(WEFT_KAFKA_NOT_AUTHORIZED, m.err,
                               "not authorized to read topic '" + name_ + "'");
        default:
            health_.event(WEFT_ERROR, "binding.kafka.fetch.error", name_,
                          "Fetch error (" + std::to_string(kafka_code(m.err)) + ") for topic (" +
                              name_ + "), partition " + std::to_string(m.partition) + ". " +
                              rd_kafka_message_errstr(&m));
    }
}

// The offset is not there: the topic was truncated, made anew, or retention was faster than we.
void fetch_stream::restart(partition& p) {
    const std::string where = "partition " + std::to_string(p.id) + " of topic '" + name_ + "'";
    if (p.next >= 0) {
        const std::string text = "offset " + std::to_string(p.next) + " of " + where +
                                 " is gone: reading from the beginning";
        health_.event(WEFT_WARN, "binding.kafka.offset.out.of.range", where, text);
        send_status(WEFT_KAFKA_OK, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, text);
        p.next = WEFT_KAFKA_OFFSET_BEGIN;
    }
    rd_kafka_consume_stop(topic_, p.id);
    p.started = false;
    start(p);
}

fetch_stream::partition* fetch_stream::find(int32_t id) {
    const auto it = std::lower_bound(partitions_.begin(), partitions_.end(), id,
                                     [](const auto& p, int32_t i) { return p.id < i; });
    return it == partitions_.end() || it->id != id ? nullptr : &*it;
}

void fetch_stream::finish() {
    if (finished_) return;
    finished_ = true;
    topics_.leave(*this);
    for (auto& p : partitions_) stop(p);
    stream_.end();
    stream_.reset();
}

}  // namespace weft::kafka::client
