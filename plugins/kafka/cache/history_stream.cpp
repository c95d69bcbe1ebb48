#include "history_stream.hpp"

#include <algorithm>

namespace weft::kafka {

history_stream::history_stream(reader_host& host, topic_reader& topic, stream s,
                               const meta_view<weft_kafka_begin>& begin)
    : host_(host), topic_(topic), stream_(s), sender_(s, host.maps()) {
    newest_per_key_ = (begin->flags & WEFT_KAFKA_NEWEST_PER_KEY) != 0;
    for (const auto& f : begin.list<weft_kafka_filter>(begin->filters)) {
        if (f.kind == WEFT_KAFKA_KEY_LEVELS) {
            filters_.add_levels(begin.text(f.pattern));
        } else {
            filters_.add_key(begin.text(f.pattern));
        }
    }
    bool open_ended = false;
    for (const auto& p : begin.list<weft_kafka_position>(begin->positions)) {
        parts_.push_back({p.partition, p.offset, p.end, false});
        open_ended |= p.end < 0;
    }
    whole_topic_ = parts_.empty();
    if (whole_topic_ || open_ended) {
        ticket_ = topic_.ask();
        timer_ = host_.on().timer_in_ms(host_.config().limits.history_end_wait_ms,
                                        call<&history_stream::on_waited>, this);
    }
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_HISTORY;
    m->topic = m.text(topic_.name());
    stream_.begin(m.get());
    topic_.join(*this);
    host_.schedule(*this);
}

history_stream::~history_stream() {
    if (timer_) host_.on().cancel(timer_);
    topic_.leave(*this);
}

void history_stream::finish() {
    if (std::exchange(finished_, true)) return;
    topic_.leave(*this);
    refetch_.reset();
    cursor_.reset();
    stream_.end();
    stream_.reset();
}

void history_stream::on_waited() {
    timer_ = 0;
    waited_ = true;
    pump();
}

// Fixes where the parts begin and end, as far as Kafka has told. False while nothing can be read
// yet.
bool history_stream::resolve() {
    if (!topic_.known()) return false;
    if (ticket_ != 0 && topic_.answered() < ticket_ && !waited_) return false;
    if (!std::exchange(partitions_fixed_, true) && whole_topic_) {
        for (const auto& known : topic_.partitions())
            parts_.push_back({known.id, WEFT_KAFKA_OFFSET_BEGIN, -1, false});
    }
    for (auto& p : parts_) {
        const auto* known = topic_.find(p.id);
        if (!known) {
            if (p.to < 0) p.done = true;  // the topic has no such partition
        } else if (known->begin >= 0 && known->next >= 0) {
            resolve(p, *known);
        }
    }
    return true;
}

void history_stream::resolve(part& p, const topic_reader::partition& known) {
    if (p.to < 0) {
        p.to = known.next;
        // Kafka does not answer: what the cache has got meanwhile counts, too.
        if (const auto log = topic_.log(p.id); log && topic_.answered() < ticket_)
            p.to = std::max(p.to, log->next());
    }
    if (p.from == WEFT_KAFKA_OFFSET_LIVE) p.from = p.to;
    p.from = std::max(p.from, known.begin);  // what is older, Kafka does not have any more
}

void history_stream::on_window(stream, const weft_window& w) {
    sender_.on_window(w);
    if (refetch_) {
        refetch_->on_credit();
    } else {
        pump();
    }
}

void history_stream::pump() {
    if (finished_) return;
    if (refetch_) {
        if (!refetch_->over()) return;
        refetch_.reset();
    }
    if (!resolve()) return;
    records_ = host_.config().limits.records_per_turn;
    bytes_ = host_.config().limits.bytes_per_turn;
    keys_ = host_.config().limits.keys_per_turn;
    size_t waiting = 0;
    while (waiting < parts_.size()) {
        current_ %= parts_.size();
        part& p = parts_[current_];
        const step s = p.done ? step::finished : read(p);
        if (s == step::again) host_.schedule(*this);
        if (s == step::again || s == step::blocked) return;
        if (s == step::finished && !p.done) complete(p);
        ++waiting;
        if (s == step::finished &&
            std::all_of(parts_.begin(), parts_.end(), [](const part& x) { return x.done; }))
            break;
        // A part that waits for the cache does not hold up the others.
        cursor_.reset();
        ++current_;
    }
    if (!std::all_of(parts_.begin(), parts_.end(), [](const part& x) { return x.done; })) return;
    finished_ = true;
    topic_.leave(*this);
    stream_.end();
}

history_stream::step history_stream::read(part& p) {
    if (p.to < 0 || p.from < 0) return step::waiting;
    if (!cursor_) {
        if (p.from >= p.to) return step::finished;
        auto log = topic_.log(p.id);
        const bool over = topic_.is_over(log.get());
        if (!log && !over) return step::waiting;
        const int64_t start = log ? log->start() : p.to;
        // A log that nobody writes any more is read as far as it goes.
        const int64_t to = over && log ? std::min(p.to, log->next()) : p.to;
        if (p.from < start || p.from >= to) {
            start_refetch(p, p.from < start ? std::min(p.to, start) : p.to);
            return step::blocked;
        }
        cursor_.emplace(std::move(log),
                        filtered_cursor::query{filters_, p.from, to, newest_per_key_});
        told_ = p.from;
    }
    for (;;) {
        if (pending_) {
            if (const step s = send_pending(p); s != step::finished) return s;
        }
        const auto s = cursor_->next(pending_, keys_);
        if (s == read_state::record) continue;
        pending_ = {};
        p.from = std::max(p.from, cursor_->wanted());
        if (p.from - told_ >= host_.config().limits.progress_records) progress(p);
        switch (s) {
            case read_state::busy:
                return step::again;
            case read_state::wait:
                if (!topic_.is_over(topic_.log(p.id).get())) return step::waiting;
                cursor_.reset();
                return step::again;
            case read_state::lost: {
                // Retention was faster, or the file is rotten: Kafka has it.
                const auto log = topic_.log(p.id);
                const int64_t start = log ? log->start() : p.to;
                cursor_.reset();
                start_refetch(p, p.from < start ? std::min(p.to, start) : p.to);
                return step::blocked;
            }
            default:
                if (p.from >= p.to) return step::finished;
                cursor_.reset();
                return step::again;
        }
    }
}

// finished: it is gone.
history_stream::step history_stream::send_pending(part& p) {
    if (records_ == 0 || bytes_ == 0) return step::again;
    switch (sender_.send(pending_, cursor_->where())) {
        case record_sender::outcome::no_credit:
            return step::blocked;
        case record_sender::outcome::too_large:
            skip(p, pending_);
            break;
        case record_sender::outcome::sent:
            break;
    }
    --records_;
    bytes_ -= std::min(bytes_, pending_.size());
    pending_ = {};
    if (cursor_->wanted() - told_ >= host_.config().limits.progress_records) {
        p.from = cursor_->wanted();
        progress(p);
    }
    return step::finished;
}

void history_stream::skip(part& p, const record_view& r) {
    host_.on().emit(WEFT_ERROR, "binding.kafka.cache.record.skipped",
                    "The record at offset " + std::to_string(r.offset()) + " of topic (" +
                        topic_.name() + "), partition " + std::to_string(p.id) +
                        " is larger than its reader's window.");
}

void history_stream::start_refetch(part& p, int64_t to) {
    told_ = p.from;
    refetch_ = std::make_unique<refetch>(host_, topic_, *this, stream_, p.id, p.from, to);
}

void history_stream::on_refetched_to(int64_t offset) {
    part& p = parts_[current_];
    p.from = std::max(p.from, offset);
    if (p.from - told_ >= host_.config().limits.progress_records) progress(p);
    if (refetch_ && refetch_->over()) host_.schedule(*this);
}

bool history_stream::matches(std::optional<std::string_view> key, bool empty) const {
    if (newest_per_key_ && (empty || !key)) return false;
    return filters_.all() || (key && filters_.matches(*key));
}

void history_stream::complete(part& p) {
    p.done = true;
    p.from = std::max(p.from, p.to);
    progress(p);
    cursor_.reset();
}

void history_stream::progress(part& p) {
    told_ = p.from;
    meta_writer<weft_kafka_progress> m;
    const weft_ref list = m.list<weft_kafka_position>(1);
    m.item<weft_kafka_position>(list, 0) = {p.from, p.to, p.id, 0};
    m->positions = list;
    stream_.flush(m.get());
}

}  // namespace weft::kafka
