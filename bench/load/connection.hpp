// One MQTT client connection: connects, then hands every packet to its handler.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "loop.hpp"
#include "packet.hpp"
#include "transport.hpp"

namespace load {

class connection final : public pollable {
public:
    using handler = std::function<void(connection&, const frame&)>;

    // Opens the connection and sends CONNECT; throws when the server refuses it below MQTT.
    connection(loop& l, const endpoint& to, std::string_view client_id, handler on_packet);

    // Packets are appended to out() and leave with flush(): many packets, one write.
    std::string& out() { return out_; }
    void flush();

    bool connected() const { return connected_; }
    uint16_t receive_maximum() const { return receive_maximum_; }

private:
    void on_ready(uint32_t events) override;
    void read_some();
    void on_connack(const frame& f);

    loop& loop_;
    transport transport_;
    handler on_packet_;
    std::string in_, out_;
    size_t sent_ = 0;
    uint16_t receive_maximum_ = 65535;
    bool connected_ = false, waits_for_write_ = false;
};

}  // namespace load
