// The server kind: a handshake on every stream that is opened to it, then a stream to the exit of
// the route.
#pragma once

#include "session.hpp"

namespace weft::tls {

class server_hub final : public hub {
public:
    using hub::hub;
    endpoint* accept(stream s, const weft_begin& b) override;
};

class server_session final : public session {
public:
    server_session(server_hub& h, std::shared_ptr<const context> c, const weft_begin& b);
    // The endpoint of the stream from below, or nullptr: it is refused, and this object gone.
    endpoint* take(stream net);

private:
    void established() override;
    void first_byte_seen(uint8_t first) override;
    void tell_app(const failure&) override {}
    std::string peer() const override;

    void ask_guard(const std::string& pem);
    void route_on();
    bool trusts(const std::string& alias) const;
    std::optional<first_protocol> speaks_;

    std::string local_, remote_;
    uint16_t local_port_ = 0, remote_port_ = 0;
    const uint64_t trace_, affinity_;
    uint64_t auth_;
    auth_ref session_of_guard_;
};

}  // namespace weft::tls
