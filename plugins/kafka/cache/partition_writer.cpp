#include "partition_writer.hpp"

#include "log/cleaner.hpp"
#include "log/cursor.hpp"

#include <algorithm>
#include <cstring>

namespace weft::kafka {

namespace {

// The payload of a frame against a value in the log.
bool same_value(const weft_data& d, std::span<const uint8_t> value) {
    if (payload_size(d) != value.size()) return false;
    size_t at = 0;
    for (const auto& s : slices(d)) {
        if (s.len && std::memcmp(s.data, value.data() + at, s.len) != 0) return false;
        at += s.len;
    }
    return true;
}

}  // namespace

// Reading what is on disk blocks, so it happens in the pool. The writer may be gone when it is
// done.
struct partition_writer::open_task {
    partition_writer* writer;
    partition_log::setup setup;
    std::shared_ptr<partition_log> log;
    bool empty_first;

    ~open_task() {
        if (writer) writer->opening_ = nullptr;
    }
    void work() noexcept {
        if (empty_first) partition_log::erase(setup.directory);
        log = partition_log::open(std::move(setup));
    }
    void done() {
        if (writer) writer->on_opened(std::move(log));
    }
};

// The writer outlives it: an instance is not detached before its tasks are done.
struct partition_writer::clean_task {
    partition_writer& writer;
    std::shared_ptr<partition_log> log;
    cleaner cleaning;
    bool whole = false;

    clean_task(partition_writer& w, int64_t now_ms)
        : writer(w), log(w.log_), cleaning(*log, now_ms) {}
    void work() noexcept { whole = cleaning.run(); }
    void done() { writer.on_cleaned(*this); }
};

partition_writer::partition_writer(writer_host& host, owner& o, shared_topic& shared, source s)
    : host_(host),
      owner_(o),
      shared_(shared),
      source_(std::move(s)),
      folder_(host.config().directory + "/" + source_.topic + "-" +
              std::to_string(source_.partition)),
      claim_(folder_),
      fetch_(host.on(), source_.exit, *this, host.config().limits.reopen_min_ms,
             host.config().limits.reopen_max_ms) {
    take_log();
}

partition_writer::~partition_writer() {
    if (opening_) opening_->writer = nullptr;
}

std::string partition_writer::where() const {
    return "partition " + std::to_string(source_.partition) + " of topic (" + source_.topic + ")";
}

// An older generation may still write the log; this is called again when it has let go.
void partition_writer::take_log() {
    if (state_ != state::waiting) return;
    if (!claim_.take(host_.on(), call<&partition_writer::take_log>, this)) return;
    // Of our own build: the log goes on as it is, under its readers.
    auto log = shared_.log(source_.partition);
    if (!log || log->options().directory != folder_ ||
        log->options().identity.cluster_id != source_.cluster_id)
        return open_log(false);
    log->reopen();
    log->mend();
    on_opened(std::move(log));
}

void partition_writer::open_log(bool empty_first) {
    state_ = state::opening;
    const auto& c = host_.config();
    auto task = std::make_unique<open_task>();
    task->writer = this;
    task->empty_first = empty_first;
    task->setup = {folder_,
                   {source_.cluster_id, source_.topic, source_.partition},
                   c.log,
                   host_.logs().memory(),
                   source_.compacted};
    opening_ = task.get();
    if (services.tasks) {
        if (!host_.on().run(std::move(task)))
            host_.on().emit(WEFT_ERROR, "binding.kafka.cache.log",
                            "No thread to read the cached log of " + where() + ".");
        return;
    }
    task->work();
    task->done();
}

void partition_writer::on_opened(std::shared_ptr<partition_log> log) {
    opening_ = nullptr;
    if (state_ == state::stopped) {
        if (!cleaning_) let_go();
        return;
    }
    log_ = std::move(log);
    tell_notices();
    fetch_.start();
}

void partition_writer::tell_notices() {
    for (const auto& n : log_->take_notices())
        host_.on().emit(n.error ? WEFT_ERROR : WEFT_WARN,
                        n.error ? "binding.kafka.cache.degraded" : "binding.kafka.cache.log",
                        n.text);
}

void partition_writer::on_upstream_open(upstream&) {
    if (state_ == state::stopped || !log_) return;
    state_ = state::idle;
    owner_.ask_again();
}

void partition_writer::settle(int64_t begin, int64_t next, const std::string& cluster_id,
                              bool compacted) {
    if (state_ != state::idle || begin < 0 || next < 0) return;
    source_.compacted = compacted;
    if (cluster_id != source_.cluster_id) {
        source_.cluster_id = cluster_id;
        return start_over("it belongs to another cluster");
    }
    log_->set_compacted(compacted);
    target_ = next;
    if (log_->next() > next)
        return start_over("it reaches offset " + std::to_string(log_->next()) +
                          ", Kafka's ends at " + std::to_string(next));
    if (log_->next() < 0) log_->advance(host_.config().starts_live(source_.topic) ? next : begin);
    if (log_->next() < begin) {
        host_.on().emit(WEFT_WARN, "binding.kafka.cache.gap",
                        "Offsets " + std::to_string(log_->next()) + " to " + std::to_string(begin) +
                            " of " + where() + " are deleted in Kafka and were not cached.");
        log_->advance(begin);
    }

    // A topic that was deleted and made anew can have any watermarks: the last record tells.
    last_ = log_->last();
    const bool compare = last_ >= begin;
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_FETCH;
    m->flags = WEFT_KAFKA_SHARED;
    m->topic = m.text(source_.topic);
    const weft_ref list = m.list<weft_kafka_position>(1);
    m.item<weft_kafka_position>(list, 0) = {compare ? last_ : log_->next(), -1, source_.partition,
                                            0};
    m->positions = list;
    state_ = state::verifying;
    fetch_.open(m.get(), host_.config().limits.fetch_window_bytes);
    if (!compare) follow();
}

void partition_writer::start_over(const std::string& why) {
    host_.on().emit(WEFT_WARN, "binding.kafka.cache.emptied",
                    "The cached log of " + where() + " is emptied: " + why + ".");
    fetch_.stop();
    if (cleaning_) cleaning_->cleaning.cancel();
    shared_.put(source_.partition, nullptr);
    host_.batch().flush(static_cast<int64_t>(host_.on().wall_ms()));
    log_.reset();
    progress_ = -1;
    open_log(true);
}

void partition_writer::follow() {
    state_ = state::following;
    shared_.put(source_.partition, log_);
    owner_.on_progress();
}

void partition_writer::on_upstream_data(const weft_data& d) {
    if (d.h.flags & WEFT_INCOMPLETE || !storable(d.h.meta)) {
        host_.on().emit(WEFT_ERROR, "binding.kafka.cache.record.refused",
                        "A malformed record for " + where() + " was not cached.");
        return;
    }
    if (state_ == state::verifying) return verify(d);
    if (state_ == state::following) append(d);
}

void partition_writer::verify(const weft_data& d) {
    const auto& r = *reinterpret_cast<const weft_kafka_record*>(d.h.meta);
    const meta_view<weft_kafka_record> m(d.h.meta);
    if (r.offset == last_) {
        cursor c(log_, last_);
        record_view cached;
        const bool present = c.next(cached) == read_state::record && cached.offset() == last_;
        if (!present && source_.compacted) return follow();  // a tombstone that we dropped first
        const bool same = present && cached.timestamp_ms() == r.timestamp_ms &&
                          cached.key() == m.maybe_text(m->key) && same_value(d, cached.value());
        if (!same)
            return start_over("the record at offset " + std::to_string(last_) +
                              " is another one in Kafka");
        return follow();
    }
    // Compaction may have taken the record since; deletion would have moved the beginning.
    if (r.offset < last_ || !source_.compacted)
        return start_over("Kafka does not have its record at offset " + std::to_string(last_));
    follow();
    append(d);
}

void partition_writer::append(const weft_data& d) {
    const auto now = static_cast<int64_t>(host_.on().wall_ms());
    const auto& r = *reinterpret_cast<const weft_kafka_record*>(d.h.meta);
    switch (host_.batch().append(*log_, r.m, slices(d), now)) {
        case log_batch::outcome::stored:
        case log_batch::outcome::known:
            break;
        case log_batch::outcome::refused:
            host_.on().emit(WEFT_ERROR, "binding.kafka.cache.record.refused",
                            "The record at offset " + std::to_string(r.offset) + " of " + where() +
                                " is too large for the cache (" + std::to_string(payload_size(d)) +
                                " bytes).");
            progress_ = std::max(progress_, r.offset + 1);
            break;
        case log_batch::outcome::broken:
            break;  // flushed() sees to it
    }
    if (!std::exchange(flush_due_, true)) host_.flush_later(*this);
}

void partition_writer::on_upstream_flush(const weft_flush& f) {
    if (const meta_view<weft_kafka_progress> progress(f.h.meta); progress) {
        for (const auto& p : progress.list<weft_kafka_position>(progress->positions)) {
            if (p.partition != source_.partition || p.offset <= progress_) continue;
            progress_ = p.offset;
            // At the end of the log without having met the record that we know of.
            if (state_ == state::verifying && p.offset > last_) {
                if (!source_.compacted)
                    return start_over("Kafka does not have its record at offset " +
                                      std::to_string(last_));
                follow();
            }
            if (state_ == state::following && !std::exchange(flush_due_, true))
                host_.flush_later(*this);
        }
    }
    const meta_view<weft_kafka_status> status(f.h.meta);
    if (!status) return;
    if (status->state == WEFT_KAFKA_NOT_AUTHORIZED) owner_.on_denied(f.h.meta);
    constexpr int32_t offset_out_of_range = 1;
    if (status->error == offset_out_of_range) {
        // Kafka's log is not what it was: look at both ends again before anything is appended.
        progress_ = -1;
        fetch_.restart(false);
    }
}

void partition_writer::flushed() {
    flush_due_ = false;
    if (!log_ || state_ != state::following) return;
    tell_notices();
    if (log_->broken()) {
        log_->mend();
        progress_ = -1;
        return fetch_.restart(true);
    }
    fetch_.succeeded();
    if (progress_ > log_->next()) log_->advance(progress_);
    fetch_.grant(host_.config().limits.fetch_window_bytes);
    shared_.wake_all();
    owner_.on_progress();
}

void partition_writer::on_upstream_broken(uint32_t failures, const weft_frame* why) {
    progress_ = -1;
    if (failures != host_.config().limits.failures_before_event) return;
    const meta_view<weft_kafka_reset> reset(why ? why->meta : nullptr);
    host_.on().emit(WEFT_WARN, "binding.kafka.cache.fetch.failed",
                    "Fetching " + where() + " fails" +
                        (reset ? ": " + std::string(reset.text(reset->text)) : std::string()) +
                        "; it is tried again.");
}

void partition_writer::maintain() {
    if (!log_ || state_ == state::stopped || state_ == state::opening) return;
    const auto now = static_cast<int64_t>(host_.on().wall_ms());
    log_->maintain(now);
    clean_when_due(now);
    tell_notices();
}

void partition_writer::clean_when_due(int64_t now_ms) {
    if (state_ != state::following || !source_.compacted || cleaning_ || !services.tasks) return;
    if (host_.cleanings() >= host_.config().limits.cleanings_max || !cleaner::due(*log_)) return;
    auto task = std::make_unique<clean_task>(*this, now_ms);
    cleaning_ = task.get();
    ++host_.cleanings();
    if (host_.on().run(std::move(task))) return;
    cleaning_ = nullptr;
    --host_.cleanings();
}

void partition_writer::on_cleaned(clean_task& t) {
    cleaning_ = nullptr;
    --host_.cleanings();
    if (state_ == state::stopped) {
        if (!opening_) let_go();
        return;
    }
    if (t.log != log_) return;  // emptied meanwhile
    if (t.whole) {
        log_->replace(t.cleaning.old(), t.cleaning.cleaned());
        told_cleaning_ = false;
    } else if (!t.cleaning.error().empty() && !std::exchange(told_cleaning_, true)) {
        log_->note(false, t.cleaning.error() + "; the log stays as it is");
    }
    tell_notices();
}

void partition_writer::stop() {
    if (std::exchange(state_, state::stopped) == state::stopped) return;
    fetch_.stop();
    if (cleaning_) cleaning_->cleaning.cancel();
    // Tasks may still be at work on the files: the last one lets go.
    if (!opening_ && !cleaning_) let_go();
}

void partition_writer::let_go() {
    if (log_) {
        host_.batch().flush(static_cast<int64_t>(host_.on().wall_ms()));
        log_->close();
    }
    claim_.release();
    shared_.wake_all();
}

}  // namespace weft::kafka
