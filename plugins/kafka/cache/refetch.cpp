#include "refetch.hpp"

#include <algorithm>

namespace weft::kafka {

refetch::refetch(reader_host& host, const topic_reader& topic, listener& l, stream to,
                 int32_t partition, int64_t from, int64_t end)
    : host_(host),
      topic_(topic),
      listener_(l),
      to_(to),
      partition_(partition),
      next_(from),
      end_(end),
      fetch_(host.on(), topic.exit(), *this, host.config().limits.reopen_min_ms,
             host.config().limits.reopen_max_ms) {
    fetch_.start();
}

void refetch::on_upstream_open(upstream& u) {
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_FETCH;
    m->flags = WEFT_KAFKA_SHARED;
    m->topic = m.text(topic_.name());
    const weft_ref list = m.list<weft_kafka_position>(1);
    m.item<weft_kafka_position>(list, 0) = {next_, end_, partition_, 0};
    m->positions = list;
    u.open(m.get(), host_.config().limits.refetch_window_bytes);
}

void refetch::on_upstream_data(const weft_data& d) {
    const meta_view<weft_kafka_record> m(d.h.meta);
    if (!m || (d.h.flags & WEFT_INCOMPLETE) || m->offset < next_) return;
    if (m->offset >= end_) return reached(end_);
    next_ = m->offset + 1;
    const auto bytes = static_cast<uint32_t>(payload_size(d));
    if (listener_.matches(m.maybe_text(m->key), bytes == 0) &&
        !(waiting_.empty() && send(d.h.meta, slices(d), bytes))) {
        auto& r = waiting_.emplace_back();
        r.meta.keep(d.h.meta);
        for (const auto& s : slices(d)) r.payload.push_back(chunk::retain(s));
        r.bytes = bytes;
        r.offset = m->offset;
        waiting_bytes_ += bytes;
    }
    grant();
    if (waiting_.empty()) reached(next_);
}

bool refetch::send(const weft_meta* meta, std::span<const weft_slice> payload, uint32_t bytes) {
    if (uint64_t{bytes} + to_.padding() > to_.credit() || to_.credit() == 0) return false;
    to_.data(payload, meta);
    return true;
}

void refetch::on_credit() {
    std::vector<weft_slice> payload;
    while (!waiting_.empty()) {
        record& r = waiting_.front();
        payload.clear();
        for (const auto& c : r.payload) payload.push_back(c.slice());
        if (!send(r.meta.get(), payload, r.bytes)) break;
        const int64_t offset = r.offset;
        waiting_bytes_ -= r.bytes;
        waiting_.pop_front();
        if (!waiting_.empty()) listener_.on_refetched_to(offset + 1);
    }
    grant();
    if (waiting_.empty()) reached(next_);
}

void refetch::reached(int64_t offset) {
    next_ = std::max(next_, offset);
    if (next_ >= end_) fetch_.stop();
    if (waiting_.empty()) listener_.on_refetched_to(std::min(next_, end_));
}

// Credit beyond what waits here; nothing new while a reader stands still.
void refetch::grant() const {
    fetch_.grant(host_.config().limits.refetch_window_bytes, waiting_bytes_);
}

void refetch::on_upstream_flush(const weft_flush& f) {
    const meta_view<weft_kafka_progress> progress(f.h.meta);
    if (!progress) return;
    for (const auto& p : progress.list<weft_kafka_position>(progress->positions)) {
        if (p.partition == partition_ && p.offset > next_) reached(p.offset);
    }
}

void refetch::on_upstream_broken(uint32_t failures, const weft_frame* why) {
    if (failures != host_.config().limits.failures_before_event) return;
    const meta_view<weft_kafka_reset> reset(why ? why->meta : nullptr);
    host_.on().emit(WEFT_WARN, "binding.kafka.cache.fetch.failed",
                    "Reading older records of topic (" + topic_.name() + "), partition " +
                        std::to_string(partition_) + " fails" +
                        (reset ? ": " + std::string(reset.text(reset->text)) : std::string()) +
                        "; it is tried again.");
}

}  // namespace weft::kafka
