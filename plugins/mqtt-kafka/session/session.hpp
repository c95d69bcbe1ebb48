// One connected client: its stream from the mqtt binding. What idle clients do not need is made
// when they need it.
#pragma once

#include "mapping/reasons.hpp"
#include "session/publisher.hpp"
#include "session/registry.hpp"
#include "session/subscriber.hpp"

#include <memory>
#include <string_view>

namespace weft::mqtt_kafka {

class proxy;

constexpr uint8_t puback_type = 4;  // MQTT 5, 2.1.2

class session final : public endpoint, public registered_session {
public:
    session(proxy& p, stream s, const meta_view<weft_mqtt_begin>& begin);
    ~session() override;

    // Accepts the client if Kafka is there, else waits for it.
    void start();
    // Something that the session waits for may have changed.
    void retry();
    // It has waited long enough.
    void give_up();

    bool open() const { return state_ == state::waiting || state_ == state::accepted; }
    stream out() const { return stream_; }
    void send_ack(uint8_t packet_type, uint16_t packet_id, const refusal& why);
    // Ends the client: CONNACK before it was accepted, DISCONNECT after.
    void end_client(const refusal& why);

    void on_data(stream, const weft_data& d) override;
    void on_flush(stream, const weft_flush& f) override;
    void on_window(stream, const weft_window& w) override;
    void on_end(stream, const weft_frame&) override { close(); }
    void on_abort(stream, const weft_frame&) override { close(); }
    void on_reset(stream, const weft_frame&) override { close(); }
    void on_closed(stream) override;

    publish_credit credit;                         // the publisher's
    uint64_t ticket = 0;                           // the waiting list's
    session *previous = nullptr, *next = nullptr;  // the proxy's list

    subscriber* subscriptions() { return subscriber_.get(); }

private:
    enum class state : uint8_t { waiting, accepted, closed };

    void accept();
    void close();
    void wait();
    subscriber& want_subscriber();

    proxy& proxy_;
    stream stream_;
    std::unique_ptr<char[]> id_;
    std::unique_ptr<subscriber> subscriber_;
    uint32_t window_max_ = 0;  // of the last WINDOW
    uint16_t receive_max_ = 0;
    state state_ = state::waiting;
};

}  // namespace weft::mqtt_kafka
