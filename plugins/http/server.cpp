#include "server.hpp"

namespace weft::http {

server::server(worker w, const server_config& c)
    : here(w),
      config(c),
      requests(w.counter("http.requests")),
      upgrades(w.counter("http.upgrades")),
      refused(w.counter("http.refused")),
      connections(w.gauge("http.connections")) {}

server::~server() {
    if (deadline_timer_) here.cancel(deadline_timer_);
}

endpoint* server::accept(stream s, const weft_begin& b) {
    return new connection(*this, s, b);
}

void server::add(connection& c) {
    c.next = first_;
    c.to_this = &first_;
    if (first_) first_->to_this = &c.next;
    first_ = &c;
    connections.add();
}

void server::remove(connection& c) {
    *c.to_this = c.next;
    if (c.next) c.next->to_this = c.to_this;
    connections.sub();
}

void server::drain(uint32_t why, uint64_t deadline_ns) {
    draining = true;
    if (deadline_timer_) here.cancel(std::exchange(deadline_timer_, 0));
    if (why == WEFT_DRAIN_STOP) return all_say_goodbye();
    for (auto* c = first_; c; c = c->next) c->move_on();
    if (deadline_ns == UINT64_MAX) return;
    deadline_timer_ = here.timer_at(
        deadline_ns,
        [](void* self) {
            auto& s = *static_cast<server*>(self);
            s.deadline_timer_ = 0;
            s.all_say_goodbye();
        },
        this);
}

void server::all_say_goodbye() {
    // None is freed meanwhile: on_closed waits until this call has returned.
    for (auto* c = first_; c; c = c->next) c->say_goodbye();
}

}  // namespace weft::http
