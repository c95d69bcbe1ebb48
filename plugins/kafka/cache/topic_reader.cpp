#include "topic_reader.hpp"

#include <algorithm>

namespace weft::kafka {

topic_reader::topic_reader(reader_host& host, std::string name, uint64_t exit)
    : host_(host),
      name_(std::move(name)),
      exit_(exit),
      meta_(host.on(), exit, *this, host.config().limits.reopen_min_ms,
            host.config().limits.reopen_max_ms),
      fresh_(host.on(), exit, question_, host.config().limits.reopen_min_ms,
             host.config().limits.reopen_max_ms) {
    listener_.on = host.on();
    listener_.fn = call<&topic_reader::on_records>;
    listener_.ctx = this;
    meta_.start();
}

topic_reader::~topic_reader() {
    if (shared_) shared_->forget(listener_);
}

const topic_reader::partition* topic_reader::find(int32_t id) const {
    const auto it = std::lower_bound(partitions_.begin(), partitions_.end(), id,
                                     [](const partition& p, int32_t i) { return p.id < i; });
    return it == partitions_.end() || it->id != id ? nullptr : &*it;
}

void topic_reader::join(reader& r) {
    readers_.push_back(&r);
    if (status_) r.on_status(status_.get());
}

void topic_reader::leave(reader& r) {
    // The list may be walked right now.
    std::replace(readers_.begin(), readers_.end(), &r, static_cast<reader*>(nullptr));
    host_.unschedule(r);
    rest_when_idle();
}

template <class F>
void topic_reader::each(F&& f) {
    const size_t n = readers_.size();  // those who join meanwhile see the present state themselves
    for (size_t i = 0; i < n; ++i) {
        if (readers_[i]) f(*readers_[i]);
    }
    std::erase(readers_, nullptr);
}

void topic_reader::open_meta(upstream& u, uint8_t flags) {
    if (drained_) return;
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_META;
    m->flags = static_cast<uint8_t>(flags | WEFT_KAFKA_SHARED);
    m->topic = m.text(name_);
    u.open(m.get(), 0);
}

void topic_reader::on_upstream_begin(const weft_begin& b) {
    const meta_view<weft_kafka_begin> m(b.h.meta);
    if (shared_) return;  // the store of a binding stays the same
    if (!m || !m.has(m->store)) {
        if (!std::exchange(told_no_store_, true))
            host_.on().emit(WEFT_ERROR, "binding.kafka.cache.client.exit",
                            "The exit for topic (" + name_ +
                                ") is no kafka cache_server: there is nothing to read from.");
        return;
    }
    // A server of another build is of a generation that we are about to follow into retirement.
    if (!readable_store(m.text(m->store), host_.config().build)) return;
    store_ = store_ref(std::string(m.text(m->store)));
    shared_ = &store_->topic(name_);
    shared_->listen(listener_);
    on_records();
}

void topic_reader::on_upstream_flush(const weft_flush& f) {
    if (!f.h.meta) return;
    if (f.h.meta->type == WEFT_META_KAFKA_PARTITIONS) {
        meta_.succeeded();
        on_partitions(f.h.meta);
    } else if (f.h.meta->type == WEFT_META_KAFKA_STATUS) {
        on_status(f.h.meta);
    }
}

void topic_reader::on_partitions(const weft_meta* meta) {
    const meta_view<weft_kafka_partitions> m(meta);
    block_.keep(meta);
    cleanup_ = m->cleanup;
    cluster_id_ = m.text(m->cluster_id);
    partitions_.clear();
    for (const auto& p : m.list<weft_kafka_partition>(m->partitions))
        partitions_.push_back({p.id, p.begin, p.next});
    std::sort(partitions_.begin(), partitions_.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    each([](reader& r) { r.on_partitions(); });
    rest_when_idle();
}

void topic_reader::on_status(const weft_meta* meta) {
    const meta_view<weft_kafka_status> m(meta);
    if (m->state == WEFT_KAFKA_OK) {
        status_.clear();
    } else {
        status_.keep(meta);
    }
    each([&](reader& r) { r.on_status(meta); });
}

void topic_reader::on_records() {
    listener_.awake();
    each([](reader& r) { r.on_records(); });
}

void topic_reader::on_upstream_broken(uint32_t failures, const weft_frame* why) {
    if (failures != host_.config().limits.failures_before_event) return;
    const meta_view<weft_kafka_reset> reset(why ? why->meta : nullptr);
    host_.on().emit(WEFT_WARN, "binding.kafka.cache.meta.failed",
                    "Asking for topic (" + name_ + ") fails" +
                        (reset ? ": " + std::string(reset.text(reset->text)) : std::string()) +
                        "; it is tried again.");
}

uint64_t topic_reader::ask() {
    ++asked_;
    // What is asked in one turn is one question; what is asked while one is out is the next.
    if (asking_ == answered_ && !std::exchange(ask_due_, true))
        host_.on().defer(call<&topic_reader::put_question>, this);
    return asked_;
}

void topic_reader::put_question() {
    ask_due_ = false;
    if (drained_) return;
    asking_ = asked_;
    fresh_.restart(false);
}

void topic_reader::on_fresh(const weft_flush& f) {
    if (!f.h.meta || f.h.meta->type != WEFT_META_KAFKA_PARTITIONS) return;
    fresh_.stop();
    fresh_.succeeded();
    answered_ = asking_;
    if (asked_ > answered_) put_question();
    on_partitions(f.h.meta);
    each([](reader& r) { r.on_answer(); });
}

void topic_reader::retire() {
    if (std::exchange(retired_, true)) return;
    each([](reader& r) { r.on_retired(); });
    rest_when_idle();
}

// What is left needs to know the partitions once; nobody left needs nothing.
void topic_reader::rest_when_idle() {
    if (!retired_) return;
    const bool idle = std::all_of(readers_.begin(), readers_.end(), [](auto* r) { return !r; });
    if (idle || known()) meta_.stop();
    if (idle) fresh_.stop();
}

void topic_reader::drain() {
    drained_ = true;
    meta_.stop();
    fresh_.stop();
    each([](reader& r) { r.peer().drain(); });
}

}  // namespace weft::kafka
