#include "hub.hpp"

#include "session.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace weft::ws {

hub::hub(worker w, const ws_config& c)
    : here(w),
      config(c),
      opened(w.counter("ws.opened")),
      refused(w.counter("ws.refused")),
      failed(w.counter("ws.failed")),
      connections(w.gauge("ws.connections")),
      memory_(w.gauge("ws.compression.bytes")) {}

hub::~hub() {
    if (deadline_timer_) here.cancel(deadline_timer_);
}

void hub::add(session& s) {
    s.next = first_;
    s.to_this = &first_;
    if (first_) first_->to_this = &s.next;
    first_ = &s;
    connections.add();
}

void hub::remove(session& s) {
    *s.to_this = s.next;
    if (s.next) s.next->to_this = s.to_this;
    connections.sub();
}

bool hub::has_memory(uint64_t n) {
    if (memory_.get() + n <= config.deflate->memory) return true;
    tell(WEFT_INFO, "binding.ws.compression.refused",
         "Connections are made without compression: its memory is used up "
         "(options.compression.memory).");
    return false;
}

void hub::tell(weft_level level, const char* id, const std::string& text,
               const std::string& reason) {
    const bool known = events_.size() < event_kinds_max;
    events_[known ? id + (' ' + reason) : id].emit(here, level, id, [&] { return text; });
}

void hub::random(uint8_t* to, size_t n) {
    while (n > 0) {
        if (random_left_ == 0) {
            const auto got = ::getrandom(random_.data(), random_.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) throw std::system_error(errno, std::generic_category(), "getrandom");
            random_left_ = static_cast<size_t>(got);
        }
        const size_t part = std::min(n, random_left_);
        random_left_ -= part;
        std::memcpy(to, random_.data() + random_left_, part);
        to += part;
        n -= part;
    }
}

void hub::drain(uint32_t why, uint64_t deadline_ns) {
    const bool asked = std::exchange(draining_, true);
    if (deadline_timer_) here.cancel(std::exchange(deadline_timer_, 0));
    if (why == WEFT_DRAIN_STOP) return all_say_goodbye();
    if (!asked)
        for (auto* s = first_; s; s = s->next) s->move_on();
    if (deadline_ns == UINT64_MAX) return;
    deadline_timer_ = here.timer_at(
        deadline_ns,
        [](void* self) {
            auto& h = *static_cast<hub*>(self);
            h.deadline_timer_ = 0;
            h.all_say_goodbye();
        },
        this);
}

void hub::all_say_goodbye() {
    stopping_ = true;
    // None is freed meanwhile: on_closed waits until this call has returned.
    for (auto* s = first_; s; s = s->next) s->say_goodbye();
}

}  // namespace weft::ws
