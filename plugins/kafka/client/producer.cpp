#include "producer.hpp"

#include "copies.hpp"
#include "errors.hpp"
#include "hooks.hpp"
#include "limits.hpp"
#include "message.hpp"
#include "murmur2.hpp"
#include "produce_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace weft::kafka::client {

namespace {

rd_kafka_vu_t vu(rd_kafka_vtype_t type) {
    rd_kafka_vu_t v{};
    v.vtype = type;
    return v;
}

rd_kafka_vu_t vu_memory(rd_kafka_vtype_t type, const void* data, size_t size) {
    auto v = vu(type);
    v.u.mem.ptr = const_cast<void*>(data);
    v.u.mem.size = size;
    return v;
}

using headers_handle = std::unique_ptr<rd_kafka_headers_t, freed_by<rd_kafka_headers_destroy>>;

headers_handle make_headers(const meta_view<weft_kafka_produce>& meta) {
    const auto pairs = meta.list<weft_pair>(meta->headers);
    if (pairs.empty()) return {};
    headers_handle h(rd_kafka_headers_new(pairs.size()));
    for (const auto& p : pairs) {
        const auto name = meta.text(p.name);
        const auto value = meta.maybe_text(p.value);
        rd_kafka_header_add(h.get(), name.data(), static_cast<ssize_t>(name.size()),
                            value ? value->data() : nullptr,
                            value ? static_cast<ssize_t>(value->size()) : 0);
    }
    return h;
}

// What librdkafka reports back carries everything of the record but its token.
waiting_record rebuild(worker w, const rd_kafka_message_t& m, const record& r,
                       size_t partition_count) {
    meta_writer<weft_kafka_produce> meta;
    meta->token = r.token;
    // Where it was meant to go, so that order within the partition is kept.
    meta->partition = m.partition;
    if (m.partition < 0 && partition_count > 0)
        meta->partition = static_cast<int32_t>(r.hash % static_cast<uint32_t>(partition_count));
    copy_message(meta, m);
    waiting_record out;
    out.order = r.order;
    out.block = copy_block(*meta.get());
    out.payload = copy_bytes(w, {static_cast<const uint8_t*>(m.payload), m.len});
    return out;
}

}  // namespace

std::span<const uint8_t> record::held_payload() const {
    if (!lent.empty()) return {lent.data(), lent.size()};
    return {reinterpret_cast<const uint8_t*>(block.get() + words_of(*meta())), copied};
}

producer::producer(worker w, const client_config& config, hooks& callbacks, health& h,
                   blocking_thread& thread)
    : worker_(w),
      config_(config),
      hooks_(callbacks),
      health_(h),
      thread_(thread),
      produced_(w.counter("kafka.produced")),
      failed_(w.counter("kafka.produce.failed")) {
    outstanding_list_.next = outstanding_list_.prev = &outstanding_list_;
    make_handle();
}

producer::~producer() {
    for (const uint64_t id : {watch_, retry_timer_, renew_timer_, slow_timer_})
        if (id) worker_.cancel(id);
    while (free_) {
        auto* next = free_->next;
        delete free_;
        free_ = next;
    }
}

void producer::make_handle() {
    handle_ = std::make_unique<handle>(role::producer, config_, hooks_);
    watch_ = worker_.watch(handle_->event_fd(), WEFT_READABLE, call<&producer::on_events>, this);
}

std::unique_ptr<handle> producer::release_handle() {
    if (watch_) worker_.cancel(std::exchange(watch_, 0));
    topics_.clear();
    return std::move(handle_);
}

// librdkafka may still read lent payloads until its handle is destroyed, on another thread; so
// their counts become atomic.
std::vector<chunk> producer::release_lent() {
    std::vector<chunk> lent;
    for (record* r = outstanding_list_.next; r != &outstanding_list_;) {
        record* next = r->next;
        if (!r->lent.empty()) {
            services.buffers->share(&r->lent.slice());
            lent.push_back(std::move(r->lent));
        }
        --outstanding_;
        r->owner->returned();  // deletes an owner whose stream is gone
        delete r;
        r = next;
    }
    outstanding_list_.next = outstanding_list_.prev = &outstanding_list_;
    return lent;
}

// Called by librdkafka, on the worker or on a thread of its own once the topic's partitions are
// known.
int32_t producer::choose_partition(const rd_kafka_topic_t*, const void*, size_t, int32_t count,
                                   void*, void* message) {
    return static_cast<int32_t>(static_cast<const record*>(message)->hash %
                                static_cast<uint32_t>(count));
}

producer_topic& producer::topic_for(const std::string& name) {
    auto& t = topics_[name];
    if (!t.handle) {
        auto* conf = rd_kafka_topic_conf_new();
        rd_kafka_topic_conf_set_partitioner_cb(conf, choose_partition);
        t.handle.reset(rd_kafka_topic_new(handle_->get(), name.c_str(), conf));
        if (!t.handle) rd_kafka_topic_conf_destroy(conf);
    }
    return t;
}

uint32_t producer::hash_of(const meta_view<weft_kafka_produce>& meta) {
    if (meta.has(meta->hash_key)) return murmur2_positive(meta.text(meta->hash_key));
    if (meta.has(meta->key)) return murmur2_positive(meta.text(meta->key));
    return round_robin_++ & 0x7fffffffu;
}

producer::outcome producer::produce(produce_stream& s, const topic& t, const weft_meta* block,
                                    const chunk& payload, produce_error& error) {
    const meta_view<weft_kafka_produce> meta(block);
    if (!handle_ || fatal_ != RD_KAFKA_RESP_ERR_NO_ERROR) return wait(s), outcome::wait;
    producer_topic& to = topic_for(t.name);
    if (!to.handle) {
        error = {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
                 "topic '" + t.name + "' has a name that Kafka does not allow"};
        return outcome::failed;
    }
    record& r = *take_record();
    r.to = &to;
    r.token = meta->token;
    r.hash = meta->partition >= 0 ? 0 : hash_of(meta);
    int32_t partition = meta->partition;
    if (partition < 0 && t.partition_count() > 0)
        partition = static_cast<int32_t>(r.hash % static_cast<uint32_t>(t.partition_count()));
    if (partition >= 0 && static_cast<size_t>(partition) < t.partition_count()) {
        const auto& known = t.metadata.partitions[static_cast<size_t>(partition)];
        r.lane = &lanes_.lane(to.lanes, partition, known.leader);
        if (!lanes_.admits(*r.lane, worker_.now_ns())) return hold(s, r, block, payload);
    }
    const auto result = hand_over(r, partition, meta, {payload.data(), payload.size()}, error);
    if (result == outcome::taken) {
        if (payload.size() >= limits::lend_bytes_min) r.lent = payload.copy();
        take(s, r);
        return result;
    }
    if (r.lane) lanes_.not_sent(*r.lane);
    free_record(&r);
    if (result == outcome::wait) wait(s);
    return result;
}

// The payload is copied by librdkafka if it is small, else it must stay until the report.
producer::outcome producer::hand_over(record& r, int32_t partition,
                                      const meta_view<weft_kafka_produce>& meta,
                                      std::span<const uint8_t> payload, produce_error& error) {
    std::array<rd_kafka_vu_t, 8> v;
    size_t n = 0;
    (v[n++] = vu(RD_KAFKA_VTYPE_RKT)).u.rkt = r.to->handle.get();
    (v[n++] = vu(RD_KAFKA_VTYPE_PARTITION)).u.i32 =
        partition >= 0 ? partition : RD_KAFKA_PARTITION_UA;
    (v[n++] = vu(RD_KAFKA_VTYPE_MSGFLAGS)).u.i =
        payload.size() >= limits::lend_bytes_min ? 0 : RD_KAFKA_MSG_F_COPY;
    const bool null_value = meta->flags & WEFT_KAFKA_NULL_VALUE;
    // A null pointer is a null value for librdkafka, so an empty one needs an address.
    v[n++] = null_value ? vu_memory(RD_KAFKA_VTYPE_VALUE, nullptr, 0)
                        : vu_memory(RD_KAFKA_VTYPE_VALUE,
                                    payload.empty() ? "" : static_cast<const void*>(payload.data()),
                                    payload.size());
    if (meta.has(meta->key)) {
        const auto key = meta.text(meta->key);
        v[n++] = vu_memory(RD_KAFKA_VTYPE_KEY, key.data(), key.size());
    }
    if (meta->timestamp_ms >= 0) (v[n++] = vu(RD_KAFKA_VTYPE_TIMESTAMP)).u.i64 = meta->timestamp_ms;
    (v[n++] = vu(RD_KAFKA_VTYPE_OPAQUE)).u.ptr = &r;
    auto headers = make_headers(meta);
    if (headers) (v[n++] = vu(RD_KAFKA_VTYPE_HEADERS)).u.headers = headers.get();

    if (auto* raw = rd_kafka_produceva(handle_->get(), v.data(), n)) return refused(raw, error);
    static_cast<void>(headers.release());  // librdkafka's now
    if (r.lane) lanes_.sent(*r.lane);
    return outcome::taken;
}

void producer::take(produce_stream& s, record& r) {
    r.owner = &s;
    r.prev = outstanding_list_.prev;
    r.next = &outstanding_list_;
    r.prev->next = r.next->prev = &r;
    r.order = ++taken_;
    ++outstanding_;
    s.taken();
}

// Done with, in whatever way. May delete the owner.
void producer::give_back(record& r) {
    produce_stream* owner = r.owner;
    r.prev->next = r.next;
    r.next->prev = r.prev;
    --outstanding_;
    free_record(&r);
    owner->returned();
}

producer::outcome producer::hold(produce_stream& s, record& r, const weft_meta* block,
                                 const chunk& payload) {
    const bool copy = payload.size() < limits::lend_bytes_min;
    const size_t words = words_of(*block);
    const size_t copied = copy ? payload.size() : 0;
    if (held_bytes_ + block->size + payload.size() > limits::held_bytes_max) {
        free_record(&r);
        wait(s);
        return outcome::wait;
    }
    uint64_t* const to = r.block_of(words + (copied + 7) / 8);
    std::memcpy(to, block, block->size);
    if (copied > 0) std::memcpy(to + words, payload.data(), copied);
    r.copied = static_cast<uint32_t>(copied);
    if (!copy) r.lent = payload.copy();
    ++held_;
    held_bytes_ += block->size + payload.size();
    lanes_.hold(*r.lane, r);
    if (!slow_timer_)
        slow_timer_ = worker_.timer_in_ms(limits::burst_slow_ms, call<&producer::on_slow>, this);
    take(s, r);
    return outcome::taken;
}

// The next bursts, as far as brokers are ready for them.
void producer::send_held() {
    if (!handle_ || fatal_ != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    while (send_lane* l = lanes_.next(worker_.now_ns()))
        if (!send_burst(*l)) retry_later();
}

// False when librdkafka could not take all of it.
bool producer::send_burst(send_lane& l) {
    while (l.first) {
        record& r = static_cast<record&>(*l.first);
        const std::span<const uint8_t> payload = r.held_payload();
        const size_t size = r.meta()->size + payload.size();
        produce_error error;
        const auto result =
            hand_over(r, l.partition, meta_view<weft_kafka_produce>(r.meta()), payload, error);
        if (result == outcome::wait) return lanes_.not_sent(l), false;
        l.take();
        --held_;
        held_bytes_ -= size;
        if (result == outcome::failed) {
            fail(r, error);
            give_back(r);
        } else if (r.block_words > limits::kept_block_words_max) {
            r.free_block();
        }
    }
    lanes_.sent_all(l);
    return true;
}

void producer::on_slow() {
    slow_timer_ = 0;
    if (!lanes_.waiting()) return;
    const uint64_t now = worker_.now_ns();
    lanes_.discount(now - limits::burst_slow_ms * 1'000'000);
    send_held();
    slow_timer_ = worker_.timer_in_ms(limits::burst_slow_ms, call<&producer::on_slow>, this);
}

waiting_record producer::held_again(const record& r) const {
    waiting_record out;
    out.order = r.order;
    out.block = copy_block(*r.meta());
    out.payload = r.lent.empty() ? copy_bytes(worker_, r.held_payload()) : r.lent.copy();
    return out;
}

// The next handle gets what was held after what the last one failed to send.
void producer::hold_no_more() {
    for (record* r = outstanding_list_.next; r != &outstanding_list_;) {
        record& out = *std::exchange(r, r->next);
        if (out.owner->of) {
            out.owner->on_again(held_again(out));
            wait(*out.owner);
        }
        give_back(out);
    }
    for (auto& [name, t] : topics_) t.lanes.clear();
    lanes_ = {};
    held_ = held_bytes_ = 0;
}

producer::outcome producer::refused(rd_kafka_error_t* raw, produce_error& error) {
    const std::unique_ptr<rd_kafka_error_t, freed_by<rd_kafka_error_destroy>> e(raw);
    check_fatal();
    if (fatal_ != RD_KAFKA_RESP_ERR_NO_ERROR) return outcome::wait;
    switch (const auto code = rd_kafka_error_code(e.get())) {
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:  // librdkafka learns of a new partition later
                                                    // than we do
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
            return outcome::wait;
        default:
            error = {kafka_code(code), rd_kafka_error_string(e.get())};
            return outcome::failed;
    }
}

void producer::wait(produce_stream& s) {
    if (std::find(waiting_.begin(), waiting_.end(), &s) == waiting_.end()) waiting_.push_back(&s);
    retry_later();
}

void producer::retry_later() {
    if (!retry_timer_)
        retry_timer_ =
            worker_.timer_in_ms(limits::produce_retry_ms, call<&producer::on_retry>, this);
}

void producer::forget_waiting(produce_stream& s) {
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &s), waiting_.end());
}

void producer::on_retry() {
    retry_timer_ = 0;
    if (!handle_) return renew();  // it could not be made the last time
    lanes_.retry();
    send_held();
    pump_waiting();
}

void producer::pump_waiting() {
    if (waiting_.empty()) return;
    const auto streams = std::move(waiting_);
    waiting_.clear();
    for (auto* s : streams) s->pump();
}

void producer::on_events(uint32_t) {
    handle_->acknowledge();
    reporting_ = true;
    int events = 0;
    while (handle_) {
        if (events++ == limits::report_events_per_wake_max) {
            handle_->wake();
            break;
        }
        const event_handle e(rd_kafka_queue_poll(handle_->main_queue(), 0));
        if (!e) break;
        if (rd_kafka_event_type(e.get()) == RD_KAFKA_EVENT_DR) {
            while (const auto* m = rd_kafka_event_message_next(e.get())) on_report(*m);
        } else if (rd_kafka_event_type(e.get()) == RD_KAFKA_EVENT_ERROR) {
            if (rd_kafka_event_error(e.get()) == RD_KAFKA_RESP_ERR__FATAL) check_fatal();
            health_.on_error(rd_kafka_event_error(e.get()), rd_kafka_event_error_string(e.get()));
        }
    }
    send_held();
    reporting_ = false;
    if (outstanding_ == held_ && fatal_ != RD_KAFKA_RESP_ERR_NO_ERROR && !renew_timer_)
        renew_timer_ = worker_.timer_in_ms(renew_pause_ms_, call<&producer::renew>, this);
    pump_waiting();
    if (outstanding_ == 0 && on_idle) on_idle();
}

void producer::on_report(const rd_kafka_message_t& m) {
    auto& r = *static_cast<record*>(m._private);
    if (r.lane) lanes_.answered(*r.lane);
    if (m.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        renew_pause_ms_ = limits::producer_renew_min_ms;
        produced_.add();
        r.owner->on_report(r.token, m.partition, m.offset, {});
    } else if (!produced_again(m, r)) {
        // rd_kafka_message_errstr would take the payload for a text.
        fail(r, {kafka_code(m.err), rd_kafka_err2str(m.err)});
    }
    give_back(r);
}

void producer::fail(record& r, const produce_error& error) {
    failed_.add();
    const std::string name = rd_kafka_topic_name(r.to->handle.get());
    health_.event(WEFT_ERROR, "binding.kafka.produce.error", name,
                  "PRODUCE Produce error (" + std::to_string(error.code) + ") for topic (" + name +
                      "). " + error.text);
    r.owner->on_report(r.token, -1, -1, error);
}

// After a fatal error everything unconfirmed is produced again by the next handle.
bool producer::produced_again(const rd_kafka_message_t& m, record& r) {
    check_fatal();
    if (fatal_ == RD_KAFKA_RESP_ERR_NO_ERROR || means_denied(fatal_)) return false;
    if (m.err != fatal_ && m.err != RD_KAFKA_RESP_ERR__FATAL &&
        m.err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && m.err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return false;
    if (r.owner->of) {  // nobody waits for it otherwise
        r.owner->on_again(rebuild(worker_, m, r, r.owner->of->partition_count()));
        wait(*r.owner);
    }
    return true;
}

// Looks whether the handle has become useless.
void producer::check_fatal() {
    if (fatal_ != RD_KAFKA_RESP_ERR_NO_ERROR || !handle_) return;
    std::array<char, 256> text{};
    fatal_ = rd_kafka_fatal_error(handle_->get(), text.data(), text.size());
    if (fatal_ == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    health_.event(
        WEFT_ERROR, "binding.kafka.producer.failed", "",
        std::string("The idempotent producer is made anew after a fatal error: ") + text.data());
    rd_kafka_purge(handle_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                       RD_KAFKA_PURGE_F_NON_BLOCKING);
    handle_->wake();
}

void producer::renew() {
    if (renew_timer_) worker_.cancel(std::exchange(renew_timer_, 0));
    renew_pause_ms_ = std::min(renew_pause_ms_ * 2, limits::producer_renew_max_ms);
    // Destroying blocks; std::function wants a copyable job.
    if (handle_)
        thread_.post([old = std::shared_ptr<handle>(release_handle())]() mutable { old.reset(); });
    fatal_ = RD_KAFKA_RESP_ERR_NO_ERROR;
    hold_no_more();
    make_handle();
    pump_waiting();
}

record* producer::take_record() {
    if (!free_) return new record;
    record* r = free_;
    free_ = r->next;
    --free_count_;
    return r;
}

void producer::free_record(record* r) {
    r->lent.reset();
    if (free_count_ >= limits::free_records_max) return delete r;
    if (r->block_words > limits::kept_block_words_max) r->free_block();
    r->lane = nullptr;
    r->next = free_;
    free_ = r;
    ++free_count_;
}

}  // namespace weft::kafka::client
