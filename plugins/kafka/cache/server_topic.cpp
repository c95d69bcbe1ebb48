#include "server_topic.hpp"

#include "log/format.hpp"

#include <algorithm>

namespace weft::kafka {

server_topic::server_topic(writer_host& host, owner& o, std::string name, uint64_t exit)
    : host_(host),
      owner_(o),
      name_(std::move(name)),
      exit_(exit),
      hash_(hash_key(name_)),
      shared_(host.logs().topic(name_)),
      meta_(host.on(), exit, *this, host.config().limits.reopen_min_ms,
            host.config().limits.reopen_max_ms) {
    meta_.start();
}

server_topic::~server_topic() = default;

// Neighbouring partitions go to different workers.
bool server_topic::owned(int32_t partition) const {
    return (hash_ + static_cast<uint64_t>(partition)) % host_.config().workers ==
           host_.on().index();
}

bool server_topic::is_current() const {
    return partitions_ && std::all_of(writers_.begin(), writers_.end(),
                                      [](const auto& w) { return w.second->is_current(); });
}

std::string server_topic::waiting_for() const {
    if (is_current()) return {};
    if (!trouble_.empty()) return trouble_;
    return partitions_ ? "the cache of topic '" + name_ + "' to catch up"
                       : "kafka to tell of topic '" + name_ + "'";
}

void server_topic::join(meta_reply& r) {
    replies_.push_back(&r);
    if (partitions_) r.peer().flush(partitions_.get());
    if (status_) r.peer().flush(status_.get());
    if (drained_) r.peer().drain();
}

void server_topic::leave(meta_reply& r) {
    std::erase(replies_, &r);
}

void server_topic::tell(const weft_meta* meta) const {
    for (auto* r : replies_) r->peer().flush(meta);
}

void server_topic::ask_again() {
    if (!std::exchange(ask_due_, true)) host_.on().defer(call<&server_topic::on_ask>, this);
}

void server_topic::on_ask() {
    ask_due_ = false;
    if (!drained_) meta_.restart(false);  // the answer to a new stream is as new as the question
}

void server_topic::on_upstream_open(upstream& u) {
    if (drained_) return;
    meta_writer<weft_kafka_begin> m;
    m->role = WEFT_KAFKA_META;
    m->flags = WEFT_KAFKA_SHARED;
    m->topic = m.text(name_);
    u.open(m.get(), 0);
}

void server_topic::on_upstream_flush(const weft_flush& f) {
    if (!f.h.meta) return;
    if (f.h.meta->type == WEFT_META_KAFKA_PARTITIONS) return on_partitions(f.h.meta);
    if (f.h.meta->type == WEFT_META_KAFKA_STATUS) return on_status(f.h.meta);
}

void server_topic::on_partitions(const weft_meta* meta) {
    const meta_view<weft_kafka_partitions> m(meta);
    meta_.succeeded();
    if (status_)
        tell_state(WEFT_KAFKA_OK,
                   {});  // a new stream does not say that an older one's trouble is over
    partitions_.keep(meta);
    tell(meta);
    const std::string cluster(m.text(m->cluster_id));
    const bool compacted = (m->cleanup & WEFT_KAFKA_COMPACTED) != 0;
    for (const auto& p : m.list<weft_kafka_partition>(m->partitions)) {
        if (p.id < 0 || !owned(p.id)) continue;
        auto& w = writers_[p.id];
        if (!w) {
            w = std::make_unique<partition_writer>(
                host_, *this, shared_,
                partition_writer::source{name_, cluster, p.id, exit_, compacted});
        } else if (!ask_due_) {  // else it may be older than what a writer has in its log
            w->settle(p.begin, p.next, cluster, compacted);
        }
    }
    owner_.on_topic_progress();
}

void server_topic::on_status(const weft_meta* meta) {
    const meta_view<weft_kafka_status> m(meta);
    trouble_ = m->state == WEFT_KAFKA_OK ? std::string() : std::string(m.text(m->text));
    if (m->state == WEFT_KAFKA_OK) {
        status_.clear();
    } else {
        status_.keep(meta);
    }
    tell(meta);
    owner_.on_topic_progress();
}

void server_topic::tell_state(uint32_t state, const std::string& text) {
    meta_writer<weft_kafka_status> m;
    m->state = state;
    if (!text.empty()) m->text = m.text(text);
    on_status(m.get());
}

void server_topic::on_upstream_broken(uint32_t failures, const weft_frame* why) {
    if (failures != host_.config().limits.failures_before_event) return;
    const meta_view<weft_kafka_reset> reset(why ? why->meta : nullptr);
    const std::string text = "asking for topic '" + name_ + "' fails" +
                             (reset ? ": " + std::string(reset.text(reset->text)) : std::string());
    host_.on().emit(WEFT_WARN, "binding.kafka.cache.meta.failed", text + "; it is tried again");
    tell_state(WEFT_KAFKA_UNREACHABLE, text);
}

void server_topic::maintain() {
    for (auto& [id, w] : writers_) w->maintain();
}

void server_topic::drain() {
    if (std::exchange(drained_, true)) return;
    meta_.stop();
    for (auto& [id, w] : writers_) w->stop();
    for (auto* r : replies_) r->peer().drain();
}

}  // namespace weft::kafka
