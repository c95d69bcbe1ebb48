#include "hub.hpp"

#include "connection.hpp"
#include "lingering.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weft::tcp {

namespace {

void replace(std::vector<connection*>& list, connection* c) {
    std::replace(list.begin(), list.end(), c, static_cast<connection*>(nullptr));
}

}  // namespace

void apply(const socket_config& c, int fd) {
    const int on = 1;
    if (c.nodelay) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (c.keepalive) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

hub::hub(worker w, const socket_config& config)
    : connections(w.gauge("tcp.connections")),
      bytes_received(w.counter("tcp.bytes.received")),
      bytes_sent(w.counter("tcp.bytes.sent")),
      worker_(w),
      config_(config) {}

hub::~hub() {
    if (starved_timer_) worker_.cancel(starved_timer_);
    if (deadline_timer_) worker_.cancel(deadline_timer_);
}

queue_ptr hub::take_queue() {
    if (spare_.empty()) return std::make_unique<write_queue>();
    auto q = std::move(spare_.back());
    spare_.pop_back();
    return q;
}

void hub::give_back(queue_ptr q) {
    if (!q) return;
    q->clear();
    if (spare_.size() < limits::spare_queues_max && q->capacity() <= limits::spare_queue_slots_max)
        spare_.push_back(std::move(q));
}

void hub::flush_later(connection& c) {
    dirty_.push_back(&c);
    if (flushing_) return;
    flushing_ = true;
    worker_.defer(call<&hub::flush_all>, this);
}

void hub::flush_all() {
    flushing_ = false;
    // By index: a flush cannot add to the list, since frames that it causes are delivered later.
    for (size_t i = 0; i < dirty_.size(); ++i) {
        if (dirty_[i]) dirty_[i]->flush();
    }
    dirty_.clear();
}

void hub::read_later(connection& c) {
    starved_.push_back(&c);
    if (starved_timer_ == 0)
        starved_timer_ = worker_.timer_in_ms(limits::read_retry_ms, call<&hub::resume_all>, this);
}

void hub::resume_all() {
    starved_timer_ = 0;
    auto list = std::move(starved_);
    starved_.clear();
    for (auto* c : list) {
        if (c) c->resume_read();
    }
}

void hub::forget(connection& c) {
    replace(dirty_, &c);
    replace(starved_, &c);
}

// ---- the end of an instance ----

void hub::end_connections_at(uint64_t deadline_ns) {
    draining_ = true;
    stay_while_needed();
    if (deadline_ns >= deadline_ns_ || deadline_passed_) return;
    deadline_ns_ = deadline_ns;
    if (deadline_timer_) worker_.cancel(deadline_timer_);
    deadline_timer_ = worker_.timer_at(deadline_ns, call<&hub::on_deadline>, this);
}

void hub::on_deadline() {
    deadline_timer_ = 0;
    deadline_passed_ = true;
    meta_writer<weft_tcp_reset> why;
    why->error = ESHUTDOWN;
    why->text = why.text("the binding is replaced, and the time its connections had is over");
    take_leave_of_all(why.get());
}

// The host detaches a drained instance once its streams, tasks and wrapped buffers are gone. A
// socket that lingers has no stream any more, and its peer would lose the last bytes; one whose
// first bytes are awaited has none yet: so they count as a buffer.
void hub::stay_while_needed() {
    static constexpr uint8_t nothing = 0;
    if (lingering_.empty() && !has_arrivals()) return stay_.reset();
    if (!draining_ || !stay_.empty()) return;
    weft_slice s{};
    if (services.buffers->wrap(
            worker_.handle(), &nothing, 1, [](void*) {}, nullptr, &s) == WEFT_OK)
        stay_ = chunk::adopt(s);
}

void hub::linger(int fd, queue_ptr q) {
    lingering_.push_back(std::make_unique<lingering>(*this, fd, std::move(q)));
    lingering& l = *lingering_.back();
    l.slot = lingering_.size() - 1;
    l.start();
    stay_while_needed();
}

void hub::end_linger(lingering& l) {
    const size_t slot = l.slot;
    lingering_.back()->slot = slot;
    std::swap(lingering_[slot], lingering_.back());
    lingering_.pop_back();
    stay_while_needed();
}

void hub::close_lingering() {
    lingering_.clear();
    stay_.reset();
}

void hub::close_socket(int fd) {
    close(fd);
    connections.sub();
    on_socket_closed(fd);
}

}  // namespace weft::tcp
