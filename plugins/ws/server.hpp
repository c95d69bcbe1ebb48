// The server kind: the handshake on every stream that is opened to it, then a stream to the exit of
// the route.
#pragma once

#include "handshake.hpp"
#include "session.hpp"

#include <weft/origin.hpp>

namespace weft::ws {

class server_hub final : public hub {
public:
    using hub::hub;
    endpoint* accept(stream s, const weft_begin& b) override;
};

class server_session final : public session {
public:
    server_session(server_hub& h, stream net, const weft_begin& b);
    endpoint* take(const weft_begin& b);

private:
    void shake_hands() override;
    void app_answered() override;
    void app_refused() override;
    void handshake_failed(int status, const std::string& text) override;
    std::string peer() const override;

    bool head_is_hopeless();
    void judge_request(const upgrade_request& r);
    void respond(const reply& r);
    void refuse(const reply& r);
    void give_app_up();

    // What is needed until the connection is open.
    struct opening {
        kept_origin from;
        std::string head;  // of a request that is not complete
        acceptance accepted;
        size_t searched = 0;
    };
    std::unique_ptr<opening> opening_;
    std::string remote_;  // "10.0.0.1:5000", for events
    const bool behind_http_;
    const uint64_t trace_, auth_, affinity_;
};

}  // namespace weft::ws
