// The client kind: every stream that is opened to it becomes a connection through its exit, and is
// answered when the handshake is done.
#pragma once

#include "handshake.hpp"
#include "session.hpp"

namespace weft::ws {

class client_hub final : public hub {
public:
    using hub::hub;
    endpoint* accept(stream s, const weft_begin& b) override;
};

class client_session final : public session {
public:
    client_session(client_hub& h, stream app, const weft_begin& b);
    // The endpoint of the stream from above, or nullptr: it is refused, and this object gone.
    endpoint* take(const weft_begin& b);
    void move_on() override;

private:
    void net_begun(const weft_begin& b) override;
    void shake_hands() override;
    void app_refused() override { tear_down(); }
    void handshake_failed(int status, const std::string& text) override;
    std::string peer() const override;

    target target_;
    std::string key_;   // sent, and not answered yet
    std::string head_;  // of the answer
    std::string remote_;
    const uint64_t auth_;
    std::vector<uint64_t> answer_;  // the metadata of the connection below
};

}  // namespace weft::ws
