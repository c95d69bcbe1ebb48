// hub: a ws binding on one worker: its sessions, and what they share.
#pragma once

#include "config.hpp"
#include "frame.hpp"

#include <weft/event_limit.hpp>
#include <weft/live_list.hpp>
#include <weft/plugin.hpp>

#include <string>

namespace weft::ws {

class session;

class hub : public instance {
public:
    hub(worker w, const ws_config& c);
    ~hub() override;

    void drain(uint32_t why, uint64_t deadline_ns) override;

    const worker here;
    const ws_config& config;
    metric opened, refused, failed, connections;

    bool draining() const { return draining_; }
    bool stopping() const { return live_.said_goodbye(); }
    void add(session& s);
    void remove(session& s);

    // Is there memory for the contexts of one more connection?
    bool has_memory(uint64_t n);
    void hold_memory(uint64_t n) { memory_.add(n); }
    void return_memory(uint64_t n) { memory_.sub(n); }

    // Limited for each id, and for each reason where these are few.
    void tell(weft_level level, const char* id, const std::string& text,
              const std::string& reason = {});

    // Unpredictable bytes, for masks and keys (RFC 6455, 10.3).
    void random(uint8_t* to, size_t n);

    std::array<uint8_t, inflate_piece> scratch;  // unmasked, to be inflated at once
    std::vector<weft_slice> iov;                 // of one frame, to be sent at once

private:
    live_list<session> live_;
    bool draining_ = false;
    metric memory_;
    event_limits events_{event_kinds_max};
    std::array<uint8_t, 1024> random_{};
    size_t random_left_ = 0;
};

}  // namespace weft::ws
