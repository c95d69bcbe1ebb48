#include "hub.hpp"

#include "session.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace weft::ws {

hub::hub(worker w, const ws_config& c)
    : here(w),
      config(c),
      opened(w.counter("ws.opened")),
      refused(w.counter("ws.refused")),
      failed(w.counter("ws.failed")),
      connections(w.gauge("ws.connections")),
      live_(w),
      memory_(w.gauge("ws.compression.bytes")) {}

hub::~hub() = default;

void hub::add(session& s) {
    live_.add(s);
    connections.add();
}

void hub::remove(session& s) {
    live_.remove(s);
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
    events_.emit(here, level, id, text, reason);
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
    live_.drain(why, deadline_ns, !std::exchange(draining_, true));
}

}  // namespace weft::ws
