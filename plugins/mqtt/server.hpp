// server: an mqtt server binding on one worker: what its connections share, so that each of them is
// small.
#pragma once

#include "arena.hpp"
#include "config.hpp"
#include "outbox.hpp"
#include "packet.hpp"
#include "rate_limit.hpp"
#include "timer_wheel.hpp"

#include <weft/event_limit.hpp>
#include <weft/meta.hpp>
#include <weft/plugin.hpp>
#include <weft/slab.hpp>

#include <memory>
#include <string>

namespace weft::mqtt {

class connection;

class server final : public instance {
public:
    server(const settings& s, worker w);
    ~server() override;

    endpoint* accept(stream s, const weft_begin& b) override;
    void drain(uint32_t why, uint64_t deadline_ns) override;

    const settings& config;
    worker here;

    // Scratch of one call: filled and used up before the call returns.
    packet in;
    packet out;
    std::vector<uint8_t> repeated;
    meta_writer<weft_mqtt_publish> publish_meta;
    arena bytes;
    uint64_t trace = 0;  // of the frame at hand

    metric connections, received, sent, errors, refused, dropped;

    // Timeouts, in ticks of limits::tick_ms.
    timer_wheel::tick now_tick() const;
    static timer_wheel::tick to_ticks(uint64_t ms) {
        return static_cast<timer_wheel::tick>((ms + limits::tick_ms - 1) / limits::tick_ms);
    }
    void arm(connection& c, timer_wheel::tick due);
    void disarm(connection& c);

    // Calls c.flush() once at the end of this turn.
    void flush_later(connection& c);
    std::unique_ptr<outbox> take_outbox();
    void give_back(std::unique_ptr<outbox> o);

    // Whether one more CONNECT can be served now.
    violation admit_connect();
    void count_handshake(int by) { handshakes_ += static_cast<uint32_t>(by); }
    void count_connection(int by);

    void forget(connection& c);   // it is about to go
    void destroy(connection& c);  // it has come to its end

    std::string new_client_id() const;
    // A client broke the rules or was refused; at most one event per kind and interval.
    void report(event_limit& limit, weft_level level, const char* id, const std::string& text);
    event_limit malformed_events, refused_events, timeout_events, exit_events;

private:
    void on_tick();
    void on_flush();
    void schedule();
    void on_drain_deadline();
    void say_goodbye();

    timer_wheel wheel_;
    std::vector<connection*> dirty_;
    std::vector<connection*> flushing_;
    std::vector<std::unique_ptr<outbox>> spare_;
    rate_limit connect_rate_;
    uint32_t handshakes_ = 0;   // between CONNECT and CONNACK
    uint32_t established_ = 0;  // connections that got CONNACK
    uint64_t timer_ = 0;
    bool flush_deferred_ = false;
    uint64_t deadline_ns_ = UINT64_MAX, deadline_timer_ = 0;  // of a generation that is replaced
    bool said_goodbye_ = false;
    std::unique_ptr<slab<connection>> all_;
};

}  // namespace weft::mqtt
