#include "hub.hpp"

#include "session.hpp"

#include <algorithm>

namespace weft::tls {

void event_limiter::emit(const worker& w, weft_level level, const char* id, const std::string& text,
                         const std::string& reason) {
    // Reasons of a guard may be without number.
    const bool known = by_kind_.size() < event_kinds_max;
    by_kind_.try_emplace(known ? id + (' ' + reason) : id, interval_ms_)
        .first->second.emit(w, level, id, [&] { return text; });
}

hub::hub(worker w, const tls_config& c, const current_context& all)
    : here(w),
      config(c),
      contexts(all),
      handshakes(w.counter("tls.handshakes")),
      failed(w.counter("tls.handshakes.failed")),
      resumed(w.counter("tls.handshakes.resumed")),
      sessions(w.gauge("tls.sessions")),
      under_way(w.gauge("tls.handshakes.under.way")),
      events(c.is == kind::client ? client_events_ms : event_limit::interval_ms_default) {}

hub::~hub() {
    if (deadline_timer_) here.cancel(deadline_timer_);
}

bool hub::begin_handshake() {
    if (under_way.get() >= config.handshakes) {
        events.emit(here, WEFT_WARN, "binding.tls.handshakes.refused",
                    "There are " + std::to_string(config.handshakes) +
                        " handshakes under way: more are refused "
                        "(zilla.binding.tls.handshakes.max).");
        failed.add();
        return false;
    }
    under_way.add();
    return true;
}

void hub::add(session& s) {
    s.next = first_;
    s.to_this = &first_;
    if (first_) first_->to_this = &s.next;
    first_ = &s;
    sessions.add();
}

void hub::remove(session& s) {
    *s.to_this = s.next;
    if (s.next) s.next->to_this = s.to_this;
    sessions.sub();
    std::replace(writers_.begin(), writers_.end(), &s, static_cast<session*>(nullptr));
}

void hub::write_later(session& s) {
    writers_.push_back(&s);
    if (writing_later_) return;
    writing_later_ = true;
    here.defer(call<&hub::write_all>, this);
}

void hub::write_all() {
    writing_later_ = false;
    // One that writes may bring others to do so.
    for (size_t i = 0; i < writers_.size(); ++i)
        if (auto* s = std::exchange(writers_[i], nullptr)) s->write();
    writers_.clear();
}

// A client's servers are few, and are tried again and again.
void hub::tell(const failure& f, const std::string& whom) {
    failed.add();
    events.emit(here, WEFT_WARN, f.event, std::string(f.text) + " (" + f.reason + "; " + whom + ")",
                config.is == kind::client ? f.reason + whom : f.reason);
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
    // None is freed meanwhile: on_closed waits until this call has returned.
    for (auto* s = first_; s; s = s->next) s->say_goodbye();
}

}  // namespace weft::tls
