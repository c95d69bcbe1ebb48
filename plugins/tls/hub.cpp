#include "hub.hpp"

#include "session.hpp"

#include <algorithm>
#include <utility>

namespace weft::tls {

hub::hub(worker w, const tls_config& c, const current_context& all)
    : here(w),
      config(c),
      contexts(all),
      handshakes(w.counter("tls.handshakes")),
      failed(w.counter("tls.handshakes.failed")),
      resumed(w.counter("tls.handshakes.resumed")),
      offloaded(w.counter("tls.handshakes.offloaded")),
      sessions(w.gauge("tls.sessions")),
      under_way(w.gauge("tls.handshakes.under.way")),
      events(event_kinds_max,
             c.is == kind::client ? client_events_ms : event_limit::interval_ms_default),
      live_(w) {}

hub::~hub() = default;

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
    live_.add(s);
    sessions.add();
}

void hub::remove(session& s) {
    live_.remove(s);
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
    live_.drain(why, deadline_ns, !std::exchange(draining_, true));
}

}  // namespace weft::tls
