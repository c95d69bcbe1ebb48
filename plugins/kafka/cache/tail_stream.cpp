#include "tail_stream.hpp"

#include <algorithm>

namespace weft::kafka {

tail_stream::tail_stream(reader_host& host, topic_reader& topic, stream s)
    : host_(host), topic_(topic), stream_(s), sender_(s, host.maps()) {
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_TAIL;
    m->topic = m.text(topic_.name());
    stream_.begin(m.get());
    timer_ = host_.on().timer_in_ms(host_.config().limits.tail_wait_ms,
                                    call<&tail_stream::on_waited>, this);
    topic_.join(*this);
    advance();
}

tail_stream::~tail_stream() {
    if (timer_) host_.on().cancel(timer_);
    topic_.leave(*this);
}

void tail_stream::finish() {
    if (std::exchange(finished_, true)) return;
    topic_.leave(*this);
    stream_.end();
    stream_.reset();
}

void tail_stream::on_waited() {
    timer_ = 0;
    waited_ = true;
    advance();
}

void tail_stream::advance() {
    if (finished_) return;
    find_parts();
    for (auto& p : parts_) update(p);
    list_when_due();
    pump();
}

void tail_stream::find_parts() {
    for (const auto& known : topic_.partitions()) {
        if (known.next < 0) continue;  // without a leader: its end is not known yet
        if (std::any_of(parts_.begin(), parts_.end(),
                        [&](const part& p) { return p.id == known.id; }))
            continue;
        part p;
        p.id = known.id;
        // A partition that the topic got later is new from its first record on.
        p.start = listed_ ? known.begin : known.next;
        if (const auto log = topic_.log(known.id); log && !listed_)
            p.start = std::max(p.start, log->next());
        parts_.push_back(std::move(p));
    }
}

void tail_stream::update(part& p) {
    auto log = topic_.log(p.id);
    if (log != p.log) {
        // The log was emptied, since the topic is another one now: what comes is new.
        if (log && p.seen) p.start = log->start();
        p.seen = p.seen || log;
        p.live = false;
        p.pending = {};
        p.from = {};
        p.log = std::move(log);
    }
    if (p.live || !p.log || p.log->next() < p.start) return;
    p.start = std::max(p.start, p.log->start());
    p.from = cursor(p.log, p.start);
    p.live = true;
}

void tail_stream::list_when_due() {
    if (listed_) {
        if (std::any_of(parts_.begin(), parts_.end(),
                        [](const part& p) { return p.seen && p.told != p.start; }))
            list();
        return;
    }
    if (!topic_.known()) return;
    const auto placed = static_cast<size_t>(
        std::count_if(parts_.begin(), parts_.end(), [](const part& p) { return p.seen; }));
    const bool all = placed == topic_.partitions().size();
    if (!all && !(waited_ && placed > 0)) return;
    listed_ = true;
    list();
}

void tail_stream::list() {
    meta_writer<weft_kafka_partitions> m;
    m->cleanup = topic_.cleanup();
    if (!topic_.cluster_id().empty()) m->cluster_id = m.text(topic_.cluster_id());
    // With a log, a partition has its place, whether the log has come that far or not: a reader
    // that was somewhere before can go on from there.
    std::vector<weft_kafka_partition> all;
    for (auto& p : parts_) {
        if (!p.seen) continue;
        const auto* known = topic_.find(p.id);
        p.told = p.start;
        all.push_back({known ? known->begin : p.start, p.start, p.id, 0});
    }
    m->partitions = m.list_of(std::span<const weft_kafka_partition>(all));
    stream_.flush(m.get());
}

void tail_stream::on_window(stream, const weft_window& w) {
    sender_.on_window(w);
    pump();
}

void tail_stream::pump() {
    if (!listed_ || finished_ || parts_.empty()) return;
    uint32_t records = host_.config().limits.records_per_turn,
             bytes = host_.config().limits.bytes_per_turn;
    const size_t n = parts_.size();
    for (size_t i = 0; i < n; ++i) {
        part& p = parts_[(turn_ + i) % n];
        if (p.live && !pump(p, records, bytes)) {
            turn_ = (turn_ + i) % n;
            return;
        }
    }
    turn_ = (turn_ + 1) % n;
}

// False when nothing more can be sent now: no credit, or enough for this turn.
bool tail_stream::pump(part& p, uint32_t& records, uint32_t& bytes) {
    for (;;) {
        if (!p.pending) {
            const auto s = p.from.next(p.pending);
            if (s != read_state::record) p.pending = {};
            if (s == read_state::end) return true;
            if (s == read_state::lost) {
                restart(p);
                return true;
            }
        }
        if (records == 0 || bytes < p.pending.size()) {
            // A record larger than the budget goes alone.
            if (records != host_.config().limits.records_per_turn) {
                host_.schedule(*this);
                return false;
            }
        }
        switch (sender_.send(p.pending, p.from.where())) {
            case record_sender::outcome::no_credit:
                return false;  // on_window comes
            case record_sender::outcome::too_large:
                host_.on().emit(WEFT_ERROR, "binding.kafka.cache.record.skipped",
                                "The record at offset " + std::to_string(p.pending.offset()) +
                                    " of topic (" + topic_.name() +
                                    ") is larger than its reader's window.");
                break;
            case record_sender::outcome::sent:
                break;
        }
        --records;
        bytes -= std::min(bytes, p.pending.size());
        p.pending = {};
    }
}

// The reader was slower than retention: go on live, and let the new start say so.
void tail_stream::restart(part& p) {
    host_.on().emit(WEFT_WARN, "binding.kafka.cache.tail.lost",
                    "Records of topic (" + topic_.name() + "), partition " + std::to_string(p.id) +
                        " from offset " + std::to_string(p.from.wanted()) +
                        " left the cache before they were delivered live.");
    p.start = std::max(p.log->next(), p.from.wanted());
    p.from = cursor(p.log, p.start);
    list();
}

}  // namespace weft::kafka
