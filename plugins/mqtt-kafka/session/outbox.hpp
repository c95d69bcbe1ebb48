// What goes out to one client: credit, packet ids in flight, and a large message that goes in
// pieces. No queue: what finds no room is the caller's to drop or to read again from history. Only
// QoS 2 of a session that outlives its connection waits here, until its packet id is recorded.
#pragma once

#include "session/delivery.hpp"
#include "session/inflight.hpp"

#include <deque>
#include <memory>
#include <span>

namespace weft::mqtt_kafka {

// Where a record stands.
struct record_place {
    kafka_topic* topic = nullptr;
    int32_t partition = 0;
    int64_t offset = 0;
    uint32_t share = 0;  // see flight
    uint64_t cookie = 0;
};

class outbox {
public:
    // `durable`: packet ids of QoS 2 are recorded before they are used.
    outbox(stream s, uint16_t inflight_max, uint32_t window_max, bool durable)
        : stream_(s), window_max_(window_max), inflight_max_(inflight_max), durable_(durable) {}

    bool has_room(uint32_t size, uint8_t qos) const;
    // Packet ids that may still be taken.
    size_t inflight_room() const {
        return ids_.size() >= inflight_max_ ? 0 : inflight_max_ - ids_.size();
    }
    size_t inflight_max() const { return inflight_max_; }

    // Sends the message if there is room. `retain`: the RETAIN flag as the client sees it; `ids`:
    // subscription ids, at most as many as the delivery was prepared for.
    // `from`: the record, for QoS 1 and 2.
    bool send(delivery& d, uint8_t qos, bool retain, std::span<const uint32_t> ids,
              const record_place& from);
    // Sends a delivery of an earlier connection again, under its id.
    bool send_again(delivery& d, flight& f, bool retain, std::span<const uint32_t> ids);

    void on_window(uint32_t maximum);

    inflight& flights() { return ids_; }
    const inflight& flights() const { return ids_; }
    // What is in flight is being recorded, and has been.
    void recording();
    // The ids whose PUBREL may go out now.
    std::vector<uint16_t> recorded();

private:
    // A QoS 2 delivery whose id is not recorded yet.
    struct held {
        uint16_t id;
        std::vector<uint64_t> block;
        std::vector<chunk> payload;
        uint32_t size;
        uint64_t trace;
    };
    // The rest of a message whose first part has been sent.
    struct rest {
        std::vector<chunk> payload;
        uint32_t size = 0;
    };
    bool too_large_to_wait(uint32_t size) const;
    bool has_credit(uint32_t size) const;
    void fill(delivery& d, uint8_t qos, uint8_t flags, std::span<const uint32_t> ids);
    void transmit(std::span<const weft_slice> payload, uint32_t size, weft_mqtt_publish& block,
                  uint64_t trace);
    void hold(delivery& d, uint16_t id);
    void send_held();
    void continue_rest();

    stream stream_;
    inflight ids_;
    std::unique_ptr<rest> rest_;
    std::unique_ptr<std::deque<held>> held_;
    uint32_t window_max_;  // of the last WINDOW
    uint16_t inflight_max_;
    bool durable_;
};

}  // namespace weft::mqtt_kafka
