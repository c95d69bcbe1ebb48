#include "server.hpp"

#include "connection.hpp"

#include <sys/random.h>

#include <cstdio>

namespace weft::mqtt {

server::server(const settings& s, worker w)
    : config(s),
      here(w),
      bytes(w),
      connections(w.gauge("mqtt.connections")),
      received(w.counter("mqtt.publish.received")),
      sent(w.counter("mqtt.publish.sent")),
      errors(w.counter("mqtt.errors")),
      refused(w.counter("mqtt.publish.refused")),
      dropped(w.counter("mqtt.deliveries.dropped")),
      all_(std::make_unique<slab<connection>>()) {}

server::~server() {
    if (timer_ != 0) here.cancel(timer_);
    if (deadline_timer_ != 0) here.cancel(deadline_timer_);
}

endpoint* server::accept(stream s, const weft_begin& b) {
    if (said_goodbye_) return nullptr;
    return all_->make(*this, s, b);
}

// Who is connected stays as long as it likes, or until the deadline: a client cannot be moved to
// the next generation without being disconnected.
void server::drain(uint32_t why, uint64_t deadline_ns) {
    if (why == WEFT_DRAIN_STOP) return say_goodbye();
    if (said_goodbye_ || deadline_ns >= deadline_ns_) return;
    deadline_ns_ = deadline_ns;
    if (deadline_timer_ != 0) here.cancel(deadline_timer_);
    deadline_timer_ = here.timer_at(deadline_ns, call<&server::on_drain_deadline>, this);
}

void server::on_drain_deadline() {
    deadline_timer_ = 0;
    say_goodbye();
}

void server::say_goodbye() {
    if (deadline_timer_ != 0) here.cancel(std::exchange(deadline_timer_, 0));
    said_goodbye_ = true;
    all_->for_each([](connection& c) { c.shut_down(); });
}

// Cheap, and before anything is asked of others: a storm of clients must not cost more than it
// takes to send it away.
violation server::admit_connect() {
    if (config.connections_max != 0 && established_ >= config.connections_max)
        return {reason::quota_exceeded, "as many connections as allowed"};
    if (!connect_rate_.admit(config.connect_rate_max, now_tick()))
        return {reason::connection_rate_exceeded, "more connections per second than allowed"};
    if (handshakes_ >= config.handshakes_max)
        return {reason::server_busy, "too many connections are being made"};
    return {};
}

void server::count_connection(int by) {
    established_ += static_cast<uint32_t>(by);
    by > 0 ? connections.add() : connections.sub();
}

void server::destroy(connection& c) {
    all_->destroy(&c);
}

void server::forget(connection& c) {
    wheel_.cancel(c);
    if (c.dirty_) {
        std::erase(dirty_, &c);
        std::erase(flushing_, &c);
    }
}

// ---- timeouts ----

timer_wheel::tick server::now_tick() const {
    return static_cast<timer_wheel::tick>(here.now_ns() / (limits::tick_ms * 1'000'000ull));
}

void server::arm(connection& c, timer_wheel::tick due) {
    if (wheel_.empty()) wheel_.start_at(now_tick());
    wheel_.arm(c, due);
    schedule();
}

void server::disarm(connection& c) {
    wheel_.cancel(c);
}

void server::schedule() {
    if (timer_ != 0 || wheel_.empty()) return;
    const uint64_t next_ns = (uint64_t{here.now_ns() / (limits::tick_ms * 1'000'000ull)} + 1) *
                             limits::tick_ms * 1'000'000ull;
    timer_ = here.timer_at(next_ns, call<&server::on_tick>, this);
}

void server::on_tick() {
    timer_ = 0;
    wheel_.advance(now_tick(),
                   [](timer_wheel::node& n) { static_cast<connection&>(n).on_deadline(); });
    schedule();
}

// ---- output ----

void server::flush_later(connection& c) {
    if (c.dirty_) return;
    c.dirty_ = true;
    dirty_.push_back(&c);
    if (flush_deferred_) return;
    flush_deferred_ = true;
    here.defer(call<&server::on_flush>, this);
}

void server::on_flush() {
    flush_deferred_ = false;
    flushing_.swap(dirty_);
    for (auto* c : flushing_) {
        c->dirty_ = false;
        c->flush();
    }
    flushing_.clear();
}

std::unique_ptr<outbox> server::take_outbox() {
    if (spare_.empty()) return std::make_unique<outbox>();
    auto o = std::move(spare_.back());
    spare_.pop_back();
    return o;
}

void server::give_back(std::unique_ptr<outbox> o) {
    if (spare_.size() < limits::spare_outboxes_max && o->slots() <= limits::spare_outbox_slots_max)
        spare_.push_back(std::move(o));
}

// ---- names and events ----

std::string server::new_client_id() const {
    if (!config.client_id.empty()) return config.client_id;
    uint64_t random[2] = {};
    if (getrandom(random, sizeof random, 0) != sizeof random)
        throw std::runtime_error("getrandom failed");
    char text[48];
    std::snprintf(text, sizeof text, "weft-%016llx%016llx",
                  static_cast<unsigned long long>(random[0]),
                  static_cast<unsigned long long>(random[1]));
    return text;
}

void server::report(event_limit& limit, weft_level level, const char* id, const std::string& text) {
    const auto left_out = limit.admit(here.now_ns());
    if (!left_out) return;
    here.emit(level, id,
              *left_out == 0 ? text : text + " (and " + std::to_string(*left_out) + " more before)",
              trace);
}

}  // namespace weft::mqtt
