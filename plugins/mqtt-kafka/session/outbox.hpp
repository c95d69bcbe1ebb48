// What goes out to one client: credit, packet ids in flight, and a large message that goes in
// pieces. No queue: what finds no room is the caller's to drop or to read again from history.
#pragma once

#include "session/delivery.hpp"
#include "session/inflight.hpp"

#include <memory>
#include <span>

namespace weft::mqtt_kafka {

class outbox {
public:
    outbox(stream s, uint16_t inflight_max, uint32_t window_max)
        : stream_(s), window_max_(window_max), inflight_max_(inflight_max) {}

    bool has_room(uint32_t size, uint8_t qos) const;
    // Packet ids that may still be taken.
    size_t inflight_room() const { return inflight_max_ - ids_.size(); }
    size_t inflight_max() const { return inflight_max_; }

    // Sends the message if there is room. `retain`: the RETAIN flag as the client sees it; `ids`:
    // subscription ids, at most as many as the delivery was prepared for.
    bool send(delivery& d, uint8_t qos, bool retain, std::span<const uint32_t> ids);

    void on_window(uint32_t maximum);
    // The client has acknowledged a delivery. False for an id that is not in flight.
    bool acknowledged(uint16_t packet_id) { return ids_.release(packet_id); }

private:
    // The rest of a message whose first part has been sent.
    struct rest {
        std::vector<chunk> payload;
        uint32_t size = 0;
    };
    bool too_large_to_wait(uint32_t size) const;
    void send_part(delivery& d, uint32_t part);
    void continue_rest();

    stream stream_;
    inflight ids_;
    std::unique_ptr<rest> rest_;
    uint32_t window_max_;  // of the last WINDOW
    uint16_t inflight_max_;
};

}  // namespace weft::mqtt_kafka
